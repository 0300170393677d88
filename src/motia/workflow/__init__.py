"""Workflows: handlers whose progress survives anything, by a journal of what they have done.

handler ─► ctx.step / sleep / wait_for / call ─► journal: known? ─┬─ yes ─► the recorded result
                                                                  └─ no ──► do it, commit, go on
nothing to do but wait ─► Suspended ─► settled as scheduled ─► mail or time ─► the handler again
"""
