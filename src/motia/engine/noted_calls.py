"""What a handler asks of the engine, noted with its times: the bars inside a span of the console.

A wrapper around an execution's calls, made only where the settings ask for detail: otherwise a handler speaks
to its execution itself, and noting costs nothing.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from motia import encoding
from motia.core.calls import EnqueueRequest, StateWrite, has_failed
from motia.core.clock import Clock
from motia.tracing.describe import snapshot

_MOST_NOTES = 100
_MOST_CHARS = 6_000
"""All names of one execution: the notes of one must not fill a record."""
_LONGEST_NAME = 120
_LONGEST_INPUT_BYTES = 2_000
Described = tuple[str, str]
Note = list[Any]
"""kind, name, microseconds since the handler began, microseconds it took, whether it succeeded."""


class CallNotes:
    """The notes of one execution."""

    __slots__ = ("_began_s", "_clock", "_room", "given", "left_out", "notes")

    def __init__(self, clock: Clock, began_s: float) -> None:
        self._clock = clock
        self._began_s = began_s
        self._room = _MOST_CHARS
        self.notes: list[Note] = []
        self.left_out = 0
        self.given: dict[str, Any] = {}
        """What durable steps were given as arguments, by their names in the journal."""

    @contextmanager
    def doing(self, kind: str, name: str, work: Callable[[], Any]) -> Iterator[None]:
        """Note what is done inside the block, and the arguments that are bound to `work`."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.watch((kind, name), self.now_s(), ended)
        if isinstance(work, functools.partial) and len(self.given) < _MOST_NOTES:
            text = snapshot([*work.args, work.keywords] if work.keywords else work.args)
            cut = len(text) > _LONGEST_INPUT_BYTES
            self.given[name] = {"$truncated_bytes": len(text)} if cut else encoding.decode(text)
        try:
            yield
        except BaseException:
            ended.cancel()
            raise
        else:
            ended.set_result(None)

    def watch(self, described: Described, asked_s: float, future: Any) -> Any:
        """Note a call that began at `asked_s`; gives its future."""
        kind, name = described
        if len(self.notes) >= _MOST_NOTES or self._room <= 0:
            self.left_out += 1
            return future
        name = name[:_LONGEST_NAME]
        self._room -= len(name)
        note: Note = [kind, name, int((asked_s - self._began_s) * 1e6), 0, False]
        self.notes.append(note)

        def ended(done: asyncio.Future[Any]) -> None:
            note[3] = int((self._clock.monotonic_s() - asked_s) * 1e6)
            note[4] = not done.cancelled() and not has_failed(done)

        if future.done():
            ended(future)
        else:
            future.add_done_callback(ended)
        return future

    def now_s(self) -> float:
        return self._clock.monotonic_s()


class NotedCalls:
    """Passes everything on to `inner` and notes the calls it knows by name."""

    __slots__ = ("_described", "_inner", "_notes")

    def __init__(
        self, inner: Any, notes: CallNotes, described: dict[str, Callable[..., Described]] | None = None
    ) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_notes", notes)
        object.__setattr__(self, "_described", _CALLS if described is None else described)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "streams":
            return NotedCalls(found, self._notes, _STREAM_CALLS)
        describe = self._described.get(name)
        if describe is None:
            return found
        notes: CallNotes = self._notes

        def noted(*arguments: Any, **keywords: Any) -> Any:
            asked_s = notes.now_s()
            return notes.watch(describe(*arguments, **keywords), asked_s, found(*arguments, **keywords))

        return noted

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)


def _enqueue(requests: Sequence[EnqueueRequest]) -> Described:
    return "enqueue", ", ".join(_target(request) for request in requests[:5])


def _enqueue_many(requests: Sequence[EnqueueRequest]) -> Described:
    return "enqueue", f"{_target(requests[0])} × {len(requests)}" if requests else "nothing"


def _target(request: EnqueueRequest) -> str:
    return request.topic if request.topic is not None else str(request.step)


def _state_write(write: StateWrite) -> Described:
    place = f"{write.scope}/{write.key}" if write.key else write.scope
    return "state", f"state.{'set' if write.kind == 'put' else write.kind} {place}"


_CALLS: dict[str, Callable[..., Described]] = {
    "enqueue": _enqueue,
    "enqueue_many": _enqueue_many,
    "enqueue_one": lambda request: ("enqueue", _target(request)),
    "call": lambda step, data: ("call", str(step)),
    "state_get": lambda scope, key: ("state", f"state.get {scope}/{key}"),
    "state_entries": lambda scope: ("state", f"state.list {scope}"),
    "state_scopes": lambda: ("state", "state.scopes"),
    "state_write": _state_write,
    "commit_atomic": lambda: ("state", "atomic"),
}
_STREAM_CALLS: dict[str, Callable[..., Described]] = {
    "get": lambda stream, group, id: ("stream", f"{stream}.get {group}/{id}"),
    "group": lambda stream, group: ("stream", f"{stream}.list {group}"),
    "groups": lambda stream: ("stream", f"{stream}.groups"),
    "write": lambda write: (
        "stream",
        f"{write.stream}.{write.kind} {write.group}/{getattr(write, 'id', '')}",
    ),
}
