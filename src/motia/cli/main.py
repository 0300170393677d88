"""The `motia` script: begins a node for `start` and `dev` before anything heavy is imported here.

Both take about half a second to import what they need; side by side they are done in the time of one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from motia.cli.project import enter_project_environment

if TYPE_CHECKING:
    from motia.supervisor.spawn import Spawned


def run() -> None:
    """Entry point of the `motia` script."""
    arguments = sys.argv[1:]
    enter_project_environment(project_dir_of(arguments))
    spawned = _begin_node() if serves(arguments) else None
    try:
        from motia.cli.commands import main

        code = main(arguments, spawned=spawned)
    finally:
        if spawned is not None:
            spawned.discard()
    sys.exit(code)


def serves(arguments: Sequence[str]) -> bool:
    """Whether the command line, read roughly, is one that will need a node."""
    return arguments[:1] in (["start"], ["dev"]) and not {"-h", "--help", "--no-supervisor"} & set(arguments)


def project_dir_of(arguments: Sequence[str]) -> Path:
    """The directory of the project that a command line names, read roughly; the command reads it again."""
    found = "."
    for index, argument in enumerate(arguments):
        if argument in ("--dir", "-C"):
            found = "".join(arguments[index + 1 : index + 2])
        elif argument.startswith("--dir="):
            found = argument.partition("=")[2]
        elif argument.startswith("-C"):
            found = argument[2:]
    return Path(found)


def _begin_node() -> Spawned | None:
    from motia.supervisor.spawn import spawn_node

    try:
        return spawn_node()
    except OSError:
        return None  # only a head start: the supervisor will meet the same error, and tell it


if __name__ == "__main__":
    run()
