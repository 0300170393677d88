"""Realtime streams: groups of items that clients follow as they change.

`store.py` is what streams read, `messages.py` the frames of the wire, `access.py` who may join,
`hub.py` who is told of a change.
"""
