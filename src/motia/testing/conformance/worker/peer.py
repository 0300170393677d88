"""One connection to a worker under test: raw lines, with every message held against the schema."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

import motia
from motia.runtimes.worker.frames import FrameLimits, FrameReader
from motia.runtimes.worker.outbox import Outbox

LIMITS: dict[str, Any] = {
    "frame_bytes": 64 * 1024,
    "message_bytes": 1024 * 1024,
    "message_parts": 2,
    "stream_items": 8,
    "heartbeat_s": 0.2,
}
PATIENCE_S = 30.0
_SCHEMA = json.loads((Path(motia.__file__).parent / "runtimes" / "protocol.schema.json").read_text())
_FROM_WORKER = jsonschema_rs.validator_for({"$ref": "#/$defs/from_worker", "$defs": _SCHEMA["$defs"]})
Message = dict[str, Any]


class Peer:
    """The node's side of a connection, by hand. `contexts` answers what handlers ask; see `answer_with`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        limits = FrameLimits(
            frame_bytes=LIMITS["frame_bytes"],
            message_bytes=LIMITS["message_bytes"],
            message_parts=LIMITS["message_parts"],
        )
        self._frames = FrameReader(limits, lambda number: {"$stream": number}, self._took_part)
        self._outbox = Outbox(limits, writer.write)
        self.gives_part_credit = True
        """Whether the worker may send another part as soon as one was taken in."""
        self.parts = 0
        """How many came."""
        self._last_id = 0
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._answer: Callable[[str, Message], Any] = lambda method, params: {}
        self.notes: list[Message] = []
        self.asked: list[Message] = []
        """Calls of the worker, in order."""
        self._changed = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def dial(cls, path: Path) -> Peer:
        """Connect; nothing is said yet."""
        return cls(*await asyncio.open_unix_connection(str(path), limit=2**24))

    def answer_with(self, answer: Callable[[str, Message], Any]) -> None:
        """Answer the worker's calls with what `answer(method, params)` gives, now or when it is awaited; an
        Exception is an error."""
        self._answer = answer

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message, in parts where it is long."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        self._outbox.put(text)

    def send_raw(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        self._writer.write(data)

    def begin(self, method: str, params: Mapping[str, Any]) -> tuple[int, asyncio.Future[Message]]:
        """Send a call; its id and a future of the answer."""
        self._last_id += 1
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[self._last_id] = future
        self.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id, future

    async def ask(self, method: str, params: Mapping[str, Any]) -> Message:
        """The answer to a call, the error where it is one."""
        _, future = self.begin(method, params)
        async with asyncio.timeout(PATIENCE_S):
            return await future

    async def result(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result of a call that must succeed."""
        answer = await self.ask(method, params)
        assert "error" not in answer, f"{method}: expected a result, got {answer['error']}"
        return answer["result"]

    async def error(self, method: str, params: Mapping[str, Any]) -> Message:
        """The error of a call that must fail."""
        answer = await self.ask(method, params)
        assert "error" in answer, f"{method}: expected an error, got {json.dumps(answer)[:300]}"
        found: Message = answer["error"]
        return found

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def until(self, look: Callable[[], Any]) -> Any:
        """What `look` gives, once it gives something; looked at after every message."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := look()):
                self._changed.clear()
                await self._changed.wait()
            return found

    def noted(self, method: str) -> list[Message]:
        """The params of the notifications of that name so far."""
        return [note["params"] for note in self.notes if note["method"] == method]

    async def ended(self) -> None:
        """Wait until the worker has closed the connection."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([self._reading])

    async def close(self) -> None:
        self._writer.close()
        await asyncio.wait([self._reading], timeout=PATIENCE_S)
        error = self._reading.exception()
        if error is not None:
            raise error

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(2**16):
                for message in self._frames.feed(data):
                    self._take(message)
                    self._changed.set()
        except ConnectionResetError:
            return
        finally:
            for future in self._answers.values():
                if not future.done():
                    future.cancel()

    def _took_part(self) -> None:
        self.parts += 1
        self._changed.set()
        if self.gives_part_credit:
            self.notify("credit", {"parts": 1})

    def _take(self, message: Message) -> None:
        problem = next(_FROM_WORKER.iter_errors(_json(message)), None)
        assert problem is None, f"expected a message of the protocol, got {message!r:.500}: {problem}"
        if "method" not in message and message["id"] is None:
            self.notes.append({"method": "not understood", "params": message["error"]})
        elif "method" not in message:
            future = self._answers.pop(message["id"])
            if not future.done():
                future.set_result(message)
        elif "id" in message:
            self.asked.append(message)
            self._reply(message)
        elif message["method"] == "credit":
            self._outbox.add_credit(message["params"]["parts"])
        else:
            self.notes.append(message)

    def _reply(self, message: Message) -> None:
        found = self._answer(message["method"], message["params"])
        if inspect.isawaitable(found):
            answered = asyncio.ensure_future(found)
            answered.add_done_callback(lambda done: self._send_reply(message["id"], done.result()))
        else:
            self._send_reply(message["id"], found)

    def _send_reply(self, number: int, found: Any) -> None:
        if isinstance(found, Exception):
            error = {"code": -32000, "message": str(found), "data": {"code": "test.refused"}}
            self.send({"jsonrpc": "2.0", "id": number, "error": error})
        else:
            self.send({"jsonrpc": "2.0", "id": number, "result": found})


def _json(value: Any) -> Any:
    """The message as it was written: bytes are read already."""
    if isinstance(value, bytes):
        return {"$bytes": "aGk="}
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list) else value
