"""Shared state: JSON values by scope and key, changed only through `Backend.commit`.

`store.py` is what state reads, `operations.py` turns the spellings of an update into operations, `changes.py`
says what a change tells.
"""
