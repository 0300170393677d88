"""`python -m motia.node.step_process DESCRIPTOR PARENT PROJECT`: runs handlers for the node `PARENT`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from motia.core.registry import Registry
from motia.discovery.project import discover
from motia.http.middleware import compose
from motia.runtimes.process.child import die_with, serve
from motia.runtimes.python.runtime import PythonRuntime

_NEVER_S = 1e6
"""The node decides when a handler has had its grace."""


def main(arguments: list[str]) -> None:
    descriptor, parent, project = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    die_with(parent)

    async def load() -> tuple[PythonRuntime, Registry]:
        runtime = PythonRuntime(threads=4, cancel_grace_s=_NEVER_S, compose=compose)
        # Of other languages nothing runs here; what is wrong with a file its node has told.
        discovered = await discover(
            project, {"python": runtime}, check_cron=lambda expression, timezone: None
        )
        runtime.prepare(discovered.registry)
        return runtime, discovered.registry

    asyncio.run(serve(descriptor, load))


if __name__ == "__main__":
    main(sys.argv[1:])
