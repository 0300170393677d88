"""One connection to a worker: calls, answers, notifications and streams, sent once a turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import orjson

from motia import encoding
from motia.errors import MotiaError, WorkerError, WorkflowError
from motia.runtimes.worker.foreign_error import error_of
from motia.runtimes.worker.frames import FrameLimits, FrameReader, Message, ProtocolError
from motia.runtimes.worker.outbox import MessageTooLong, Outbox
from motia.runtimes.worker.streams import IncomingStream

STREAM_ITEMS = 64
_EARLY_BYTES = 4096
"""What waits to be sent goes out before the turn of the loop is over once it is so much: the worker begins on
it while the node is still busy with the rest."""


class CallFailed(Exception):
    """The other side answered a call with an error: `error` is its JSON-RPC error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", "")))
        self.error = error


class ConnectionGone(Exception):
    """The connection ended before the call was answered."""


class Connection(asyncio.Protocol):
    """The node's end. All methods are called on its event loop.

    `on_call(id, method, params)` answers with `reply` or `refuse`, at once or later; `on_note(method,
    params)` takes notifications; `on_end(reason)` is called once, after every unanswered call failed with
    `ConnectionGone`. What is no message of the protocol ends the connection.
    """

    def __init__(
        self,
        *,
        on_call: Callable[[int, str, dict[str, Any]], None],
        on_note: Callable[[str, dict[str, Any]], None],
        on_end: Callable[[str], None],
        limits: FrameLimits | None = None,
    ) -> None:
        limits = limits or FrameLimits()
        self._on_call = on_call
        self._on_note = on_note
        self._on_end = on_end
        self._reader = FrameReader(limits, self._open_stream, self._took_part)
        self._outbox = Outbox(limits, self._queue)
        self._frame_bytes = limits.frame_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._last_id = 0
        self._unanswered: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, IncomingStream] = {}
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._writable: asyncio.Future[None] | None = None
        self._reason = "the worker closed the connection"

    # Sending ----------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask_again(self, number: int) -> asyncio.Future[Any]:
        """Another future for an unanswered call, for who was interrupted while waiting for the first."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if number in self._unanswered:
            self._unanswered[number] = future
        else:
            future.set_exception(ConnectionGone(self._reason))
        return future

    def call(self, method: bytes, params: bytes) -> tuple[int, asyncio.Future[Any]]:
        """Call a method with `params` as JSON text; its id, and a future of its result.

        Failure of the future: `CallFailed`, `ConnectionGone`; at once `MessageTooLong`.
        """
        self._last_id = number = self._last_id + 1
        self._send(b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}' % (number, method, params), number)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._unanswered[number] = future
        return number, future

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result of a call that happens rarely."""
        _, future = self.call(method.encode(), orjson.dumps(params))
        return await future

    def note(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification. One about a call, by its `id`, never arrives before that call."""
        self._send(orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params}), params.get("id"))

    def reply(self, number: int, result: bytes) -> None:
        """Answer a call with `result` as JSON text."""
        try:
            self._send(b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (number, result))
        except MessageTooLong as error:
            data = {"code": "result.too_large"}
            self.refuse(number, -32000, f"$: {error}", data)

    def refuse(self, number: int, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        """Answer a call with an error."""
        error = {"code": code, "message": message, **({"data": data} if data else {})}
        self._send(encoding.encode({"jsonrpc": "2.0", "id": number, "error": error}))

    async def writable(self) -> None:
        """Wait while the worker reads too slowly."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    @property
    def congested(self) -> bool:
        return self._writable is not None

    def close(self, reason: str = "closed by the node") -> None:
        """End the connection after what was sent is out. Safe twice."""
        self._reason = reason
        if self._transport is not None and not self._transport.is_closing():
            self._flush()
            self._transport.close()

    def _send(self, text: bytes, lane: int | None = None) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionGone(self._reason)
        if len(text) > self._frame_bytes or self._outbox.is_busy:
            self._outbox.put(text, lane)
        else:
            self._queue(text + b"\n")

    def _queue(self, line: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(line)
        self._unsent_bytes += len(line)
        if self._unsent_bytes > _EARLY_BYTES:
            self._flush()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        self._unsent_bytes = 0
        if unsent and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    # Receiving --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        # uvloop writes at once only what is more than this; a slow worker fills the kernel's buffer first.
        self._transport.set_write_buffer_limits(_EARLY_BYTES)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                if "method" in message:
                    self._take(message)
                else:
                    self._answered(message)
        except ProtocolError as error:
            self.close(f"the worker sent what is no message: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._reason = f"the connection broke: {exc}"
        self._transport = None
        unanswered, self._unanswered = self._unanswered, {}
        for future in unanswered.values():
            if not future.done():
                future.set_exception(ConnectionGone(self._reason))
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.end(WorkerError(f"the worker is gone: {self._reason}", code="worker.crashed"))
        self.resume_writing()
        self._on_end(self._reason)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _take(self, message: Message) -> None:
        number = message.get("id")
        method, params = message["method"], message.get("params", {})
        if type(method) is not str or type(params) is not dict:
            raise ProtocolError(f"expected a method and params, got {message!r:.200}")
        if number is None:
            self._noted(method, params)
        elif type(number) is int:
            self._on_call(number, method, params)
        else:
            raise ProtocolError(f"expected a number as id, got {number!r:.80}")

    def _answered(self, message: Message) -> None:
        number = message.get("id")
        if type(number) is not int:
            raise ProtocolError(f"expected the id of a call, got {message!r:.200}")
        future = self._unanswered.pop(number, None)
        if future is None:
            raise ProtocolError(f"expected the id of an unanswered call, got {number}")
        error = message.get("error")
        if error is None and "result" not in message:
            raise ProtocolError(f"expected a result or an error, got {message!r:.200}")
        if error is not None and type(error) is not dict:
            raise ProtocolError(f"expected an error object, got {error!r:.200}")
        if future.done():
            close_streams(message.get("result"))  # nobody waits for it any more
            return
        if error is not None:
            future.set_exception(CallFailed(error))
        else:
            future.set_result(message["result"])

    def _noted(self, method: str, params: dict[str, Any]) -> None:
        if method == "credit":
            if type(parts := params.get("parts")) is not int or parts < 1:
                raise ProtocolError(f"credit: expected a number of parts, got {parts!r:.80}")
            self._outbox.add_credit(parts)
            return
        if method not in ("chunk", "end"):
            self._on_note(method, params)
            return
        number = params.get("stream")
        stream = self._streams.get(number) if type(number) is int else None
        if stream is None or number is None:
            return  # closed by us while this was on its way
        if method == "chunk":
            items = params.get("items")
            if type(items) is not list or not stream.put(items, params.get("credit")):
                raise ProtocolError("chunk: expected a list of items that there was credit for")
            return
        del self._streams[number]
        error = params.get("error")
        stream.end(error_of(error) if type(error) is dict else None)

    def _took_part(self) -> None:
        if self.is_open:
            self.note("credit", {"parts": 1})

    def _open_stream(self, number: int) -> IncomingStream:
        def give_credit(items: int) -> None:
            if self.is_open:
                self.note("credit", {"stream": number, "items": items})

        def close() -> None:
            if self._streams.pop(number, None) is not None and self.is_open:
                self.note("close", {"stream": number})

        stream = self._streams[number] = IncomingStream(give_credit, close, credit=STREAM_ITEMS)
        return stream


def close_streams(value: Any) -> None:
    """Want nothing of the streams in a value."""
    if type(value) is IncomingStream:
        value.close()
    elif type(value) is dict:
        for item in value.values():
            close_streams(item)
    elif type(value) is list:
        for item in value:
            close_streams(item)


def error_data(error: BaseException) -> dict[str, Any]:
    """What a worker is told of a failure of the engine."""
    if isinstance(error, WorkflowError):
        details = {"retryable": error.retryable, "details": error.details}
        return {"code": error.code, "type": "WorkflowError", "hint": error.hint or "", **details}
    if isinstance(error, MotiaError):
        return {"code": error.code, "type": type(error).__name__, "hint": error.hint or ""}
    return {"code": "internal", "type": type(error).__name__}
