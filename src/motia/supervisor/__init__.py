"""Keeps a project's nodes running: holds the sockets, replaces nodes on reload, restarts what dies.

`run.py` is what commands call.
"""
