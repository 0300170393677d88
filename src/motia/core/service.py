"""A duty that runs for as long as its node does."""

from __future__ import annotations

from typing import Protocol


class Service(Protocol):
    """One background duty, in one file.

    `start` returns when the duty is being done. `stop` returns when it is no longer done and nothing
    of it is left running. Both are safe to call twice and `stop` is safe without `start`.
    """

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
