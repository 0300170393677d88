"""The processes of one kind of worker: those that serve, those just loaded, those that end what they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from motia.errors import WorkerError
from motia.runtimes.worker.connection import Connection
from motia.runtimes.worker.link import Link

_WAIT_S = 5.0
"""How long a call waits for a worker that is being started again."""


class Pool:
    """Links to the processes of one kind of worker.

    `dial(on_loaded)` makes a link to each of its processes. `on_change` is called when a process that was
    started again found other steps than the one before it.
    """

    def __init__(
        self,
        language: str,
        *,
        dial: Callable[[Callable[[Any], None]], list[Link]],
        on_change: Callable[[], None],
    ) -> None:
        self._language = language
        self._dial = dial
        self._on_change = on_change
        self._links: list[Link] = []
        self._loaded: list[Link] | None = None
        """What `load` made and `serve` has not taken into service yet."""
        self._retired: list[Link] = []
        self._found = b""
        self._unavailable: str | None = None

    async def load(self, files: Sequence[str]) -> Any:
        """What every process finds in the files. What served until now goes on until `serve`.

        Failure: `WorkerError` if one of them does not answer.
        """
        links = self._dial(self._loaded_again)
        results = await asyncio.gather(*(link.open(files) for link in links), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                for link in links:
                    link.close()
                if isinstance(result, WorkerError):
                    self._unavailable = str(result)
                raise result
        self._unavailable = None
        self._loaded = links
        self._found = orjson.dumps(results[0])
        return results[0]

    def serve(self) -> None:
        """Take what was loaded last into service."""
        if self._loaded is None:
            return
        old, self._links, self._loaded = self._links, self._loaded, None
        self._retired = [link for link in self._retired if link.connection is not None]
        for link in old:
            link.retire()
            self._retired.append(link)

    def release(self) -> None:
        """Leave the workers at the next `serve`: the project has no file for them any more."""
        self._loaded, self._unavailable = [], None

    def _loaded_again(self, result: Any) -> None:
        if orjson.dumps(result) != self._found:
            self._on_change()

    @property
    def unready(self) -> str | None:
        """Why some of its steps cannot run now; None while all can."""
        if self._unavailable is not None:
            return f"{self._language}: {self._unavailable}"
        return next((f"{self._language}: {link.trouble}" for link in self._links if link.trouble), None)

    def idlest(self) -> Link | None:
        """The process with the least to do; None while none answers."""
        links = self._links
        if len(links) == 1:
            return links[0]
        open_ = [link for link in links if link.connection is not None]
        return min(open_, key=lambda link: len(link.running), default=None)

    async def await_link(self) -> tuple[Link, Connection]:
        """A process that answers, as soon as there is one. Failure: `WorkerError`."""
        if self._links:
            waits = [asyncio.ensure_future(link.ready.wait()) for link in self._links]
            try:
                await asyncio.wait(waits, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        for link in self._links:
            if link.connection is not None:
                return link, link.connection
        raise WorkerError(self.unready or f"no {self._language} worker", code="worker.unavailable")

    def close(self) -> None:
        """End every connection now."""
        for link in (*self._links, *(self._loaded or ()), *self._retired):
            link.close()
