"""Follow the streams of a running app from Python: resumes after a lost connection, reads at your pace.

async with StreamClient("http://127.0.0.1:3001", token="…") as client:
    async for change in client.follow("chat", "room-1"):
        print(change.type, change.id, change.items)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from motia import encoding
from motia.core.clock import SystemClock, SystemEntropy
from motia.errors import AccessError

_MAX_FRAME_BYTES = 64 * 1024 * 1024
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happened, and what there is after it."""

    type: Literal["sync", "create", "update", "delete", "event", "delta"]
    """`sync` comes first, and again where more was missed than the server still knows."""
    items: Mapping[str, Any]
    """All items that are followed, by id, in the order of their creation. Not changed later."""
    id: str | None = None
    """Of the one item that changed; None for `sync` and for events of a whole group."""
    data: Any = None
    """The item; of a `delete`, what it was; of an `event`, `{"type", "data"}`; of a `delta`, its text."""


class StreamClient:
    """Follows streams of the app at `url`, as whoever `token` says.

    *Concurrency*: each `follow` has a socket of its own, so that one that reads slowly holds up no other;
    what it has not read waits at the server, within the server's bounds.
    """

    def __init__(
        self, url: str, *, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        scheme, _, rest = url.partition("://")
        self._url = f"{'wss' if scheme in ('https', 'wss') else 'ws'}://{rest}"
        self._headers = dict(headers or {})
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._open: set[ClientConnection] = set()
        self._closed = False
        self._clock = SystemClock()
        self._entropy = SystemEntropy()

    async def __aenter__(self) -> StreamClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for socket in list(self._open):
            await socket.close()

    @property
    def _ended(self) -> bool:
        return self._closed

    async def follow(self, stream: str, group: str, id: str | None = None) -> AsyncIterator[Change]:
        """Every change of a group, or of one item of it, for ever; the first is what is there now.

        *Order*: as committed, none missed and none twice, also over lost connections; events that are sent
        meanwhile are lost. *Failure*: `AccessError` where the server refuses, now or later. Everything else
        is tried again, at growing intervals up to 10 s. Ends with the client. *Cancellation*: leaves.
        """
        replica = _Replica(id)
        place = {"streamName": stream, "groupId": group, "subscriptionId": "python"}
        if id is not None:
            place["id"] = id
        wait_s = _FIRST_WAIT_S
        while not self._ended:
            try:
                async with connect(
                    self._url,
                    additional_headers=self._headers,
                    compression=None,
                    max_size=_MAX_FRAME_BYTES,
                    proxy=None,
                ) as socket:
                    self._open.add(socket)
                    try:
                        join = {"type": "join", "data": {**place, "version": replica.version}}
                        await socket.send(encoding.encode(join).decode())
                        async for change in _changes(socket, replica):
                            wait_s = _FIRST_WAIT_S
                            yield change
                    finally:
                        self._open.discard(socket)
            except InvalidStatus as refused:
                if refused.response.status_code in (401, 403):
                    code = (
                        "access.unauthenticated" if refused.response.status_code == 401 else "access.denied"
                    )
                    raise AccessError(
                        f"{self._url}: the server refused the connection", code=code
                    ) from refused
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                pass  # tried again below
            # Many clients lose their server at once: they must not all come back at once.
            await self._clock.sleep(wait_s * (0.5 + self._entropy.unit()))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


class _Replica:
    """What a client has of a place."""

    def __init__(self, id: str | None) -> None:
        self.id = id
        self.version: int | None = None
        self.items: dict[str, Any] = {}

    def take(self, frame: Any) -> Change | None:
        """The change that a frame makes; None where it makes none."""
        event, id_, version = frame["event"], frame.get("id"), frame.get("version")
        kind = event["type"]
        if kind == "event":
            return Change(type="event", items=self.items, id=id_, data=event["event"])
        if kind == "delta":
            return self._append(id_, event)
        if kind == "resumed":
            return None
        if kind == "sync":
            found = event["data"] if self.id is None else [event["data"]] if event["data"] is not None else []
            self.items, self.version = {item["id"]: item for item in found}, version
            return Change(type="sync", items=self.items)
        if self.version is not None and version <= self.version:
            return None
        self.version = version
        item = event["data"]
        if kind == "delete":
            self.items = {key: value for key, value in self.items.items() if key != item["id"]}
        else:
            self.items = {**self.items, item["id"]: item}
        return Change(type=kind, items=self.items, id=item["id"], data=item)

    def _append(self, id_: str, event: Any) -> Change | None:
        """A piece of a text, if it is the next one: what is lost comes with the next update."""
        item = self.items.get(id_)
        text = item.get(event["path"]) if isinstance(item, dict) else None
        if not isinstance(text, str) or len(text.encode("utf-16-le")) // 2 != event["offset"]:
            return None
        self.items = {**self.items, id_: {**self.items[id_], event["path"]: text + event["data"]}}
        return Change(type="delta", items=self.items, id=id_, data=event["data"])


async def _changes(socket: ClientConnection, replica: _Replica) -> AsyncIterator[Change]:
    async for text in socket:
        frame = encoding.decode(text)
        event = frame["event"]
        if event["type"] == "event" and event["event"]["type"] == "error":
            data = event["event"]["data"]
            if isinstance(data, dict) and data.get("code") == "STREAM_ACCESS_DENIED":
                raise AccessError(data["message"], code="access.denied")
        change = replica.take(frame)
        if change is not None:
            yield change
