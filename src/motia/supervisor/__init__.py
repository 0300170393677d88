"""Keeps a project's nodes running: holds the sockets, replaces nodes on reload, restarts what dies."""

from motia.supervisor.run import run_single, run_supervised

__all__ = ["run_single", "run_supervised"]
