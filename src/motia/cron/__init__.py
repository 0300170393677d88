"""Schedules: what an expression means in its time zone, and which of its times are due.

`expression.py` turns text into times, `ticks.py` decides (pure) which of them to fire after a pause. That a
tick is enqueued at most once over all nodes is the `Fire` operation's promise (`motia.core.batch`).
"""
