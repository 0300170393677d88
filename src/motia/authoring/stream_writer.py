"""A text that grows piece by piece in an item of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from motia.core.calls import Calls, StreamWrite
from motia.core.update import UpdateOperation
from motia.errors import HandlerError

if TYPE_CHECKING:
    from motia.authoring.streams import StreamHandle

_STORE_EVERY_S = 0.2


class StreamWriter:
    """See `StreamHandle.writer`. Use it in `async with`, or in `with` from a `def` handler.

    *Order*: pieces are told and stored in the order of the calls. *Failure*: `append` raises what storing
    an earlier piece failed with, `claim.superseded` above all; what was stored stays.
    """

    def __init__(
        self,
        stream: StreamHandle,
        group: str,
        id: str,
        field: str,
        initial: Mapping[str, Any],
        final: Mapping[str, Any],
        resume: bool,
    ) -> None:
        self.text = ""
        """Everything so far."""
        self._stream = stream
        self._group = group
        self._id = id
        self._field = field
        self._initial = initial
        self._final = final
        self._resume = resume
        self._units = 0
        self._stored = ""
        self._storing: asyncio.Task[None] | None = None
        self._is_open = False

    async def __aenter__(self) -> StreamWriter:
        await self._run(self._open)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._run(lambda calls: self._close(calls, finished=kind is None))

    def __enter__(self) -> StreamWriter:
        self._run(self._open)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._run(lambda calls: self._close(calls, finished=kind is None))

    def append(self, piece: str) -> Awaitable[Any]:
        """Add to the text. Subscribers get the piece at once; it is stored within 0.2 s."""
        return self._run(lambda calls: self._append(calls, piece))

    def set(self, text: str) -> Awaitable[Any]:
        """Replace the whole text."""
        return self._run(lambda calls: self._replace(calls, text))

    def _run(self, work: Any) -> Awaitable[Any]:
        context = self._stream._context
        return context._run(lambda: context._calls.begin(work(context._calls)))

    async def _open(self, calls: Calls) -> None:
        item = await self._stream._context._calls.streams.get(self._stream.name, self._group, self._id)
        if self._resume and item is not None:
            from motia import encoding

            stored = encoding.decode(item.data)
            found = stored.get(self._field) if isinstance(stored, dict) else None
            self.text = self._stored = found if isinstance(found, str) else ""
            self._units = _utf16_units(self.text)
        else:
            write = StreamWrite(
                "put", self._stream.name, self._group, self._id, {**self._initial, self._field: ""}
            )
            await calls.streams.write(write)
        self._is_open = True

    async def _append(self, calls: Calls, piece: str) -> None:
        self._expect_open()
        if not piece:
            return
        self._raise_failure()
        calls.streams.tell_delta(self._stream.name, self._group, self._id, self._field, self._units, piece)
        self.text += piece
        self._units += _utf16_units(piece)
        if self._storing is None:
            self._storing = asyncio.ensure_future(self._store_soon(calls))

    async def _replace(self, calls: Calls, text: str) -> None:
        self._expect_open()
        self._raise_failure()
        self.text, self._units = text, _utf16_units(text)
        await self._store(calls)

    def _expect_open(self) -> None:
        if not self._is_open:
            raise HandlerError(
                f"stream {self._stream.name}: expected a writer that is open, got one outside of its block",
                code="streams.writer_closed",
                hint="write `async with ctx.streams.<name>.writer(group, id) as w:`",
                retryable=False,
            )

    def _raise_failure(self) -> None:
        if self._storing is not None and self._storing.done():
            storing, self._storing = self._storing, None
            storing.result()

    async def _store_soon(self, calls: Calls) -> None:
        while self._stored != self.text:
            await calls.sleep(_STORE_EVERY_S)
            await self._store(calls)

    async def _store(self, calls: Calls, **fields: Any) -> None:
        text = self.text
        operations = [UpdateOperation("set", (name,), value) for name, value in fields.items()]
        if self._stored != text or not operations:
            operations.append(UpdateOperation("set", (self._field,), text))
        await calls.streams.write(
            StreamWrite("update", self._stream.name, self._group, self._id, None, operations)
        )
        self._stored = text

    async def _close(self, calls: Calls, *, finished: bool) -> None:
        self._is_open = False
        if self._storing is not None:
            storing, self._storing = self._storing, None
            storing.cancel()
            await asyncio.wait([storing])
            if not storing.cancelled():
                storing.result()
        fields = dict(self._final) if finished else {}
        if fields or self._stored != self.text:
            await self._store(calls, **fields)


def _utf16_units(text: str) -> int:
    """Length as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
