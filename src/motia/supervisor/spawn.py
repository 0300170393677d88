"""Starting a node process. A command does it first of all: imports here are few, and cheap."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple


class Spawned(NamedTuple):
    """A process that runs `motia.node`, in a process group of its own, and our ends of its two sockets."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    """Messages, both ways: `channel.py`."""
    handover: socket.socket
    """Carries the listening sockets to the node, once."""

    def discard(self) -> None:
        """End the process, which nobody wants any more."""
        self.control.close()
        self.handover.close()
        self.process.kill()
        self.process.wait()


def spawn_node(*, app: str | None = None, environment: Mapping[str, str] | None = None) -> Spawned:
    """Start a node as a spare. *Failure*: OSError.

    Call it in the main thread: on Linux the child dies with the thread that spawned it.
    """
    control, control_of_node = socket.socketpair()
    handover, handover_of_node = socket.socketpair()
    # -P: the folder that the command was typed in must not shadow the standard library or this package.
    command = [sys.executable, "-P", "-m", "motia.node", *(("--app", app) if app else ())]
    command += ["--control", str(control_of_node.fileno()), "--handover", str(handover_of_node.fileno())]
    try:
        with control_of_node, handover_of_node:
            process = subprocess.Popen(
                command,
                pass_fds=(control_of_node.fileno(), handover_of_node.fileno()),
                env=environment,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
    except OSError:
        control.close()
        handover.close()
        raise
    return Spawned(process, control, handover)
