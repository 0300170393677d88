"""Joins the features: what happened becomes an invocation, an invocation an outcome, an outcome a commit.

    request ─► http_dispatch ─┐                     ┌─► response
    message ─► consumer ──────┼─► runtime.invoke ───┤
    call ─────────────────────┘   (Execution = Calls)└─► queue.transitions ─► Backend.commit

It knows protocols, never an adapter. `engine.py` composes; each background duty is a service in a file of
its own: consumer, promoter, schedules, rescuer, pruner, deadlines.
"""
