"""Serves what a running handler asks of its context: `context.*` calls of a worker, through `Calls`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from motia.authoring.runs import RunState, run_state
from motia.core.calls import Calls, EnqueueRequest, StateWrite, StateWritten
from motia.core.state import StateEntry
from motia.encoding import encode
from motia.runtimes.worker.bulk_calls import read_bulk, write_bulk
from motia.runtimes.worker.params import BadParams, integer_of, number_of, text_of
from motia.runtimes.worker.stream_calls import WorkerStreamCalls
from motia.runtimes.worker.values import wire_text, wire_text_of_json
from motia.state.operations import parse_operations

Answer = asyncio.Future[Any]


class ContextCalls:
    """One execution's calls. Every method gives a future and how its result is written."""

    __slots__ = ("_calls", "_doubles", "_streams")

    def __init__(self, calls: Calls, *, doubles: bool) -> None:
        self._calls = calls
        self._doubles = doubles
        self._streams = WorkerStreamCalls(calls, doubles=doubles)

    def start(self, method: str, params: dict[str, Any]) -> tuple[Answer, Callable[[Any], bytes]]:
        """Begin what is asked. Failure: `BadParams`, and what the engine refuses at once."""
        try:
            if method == "context.read":
                return self._read(params["read"])
            if method == "context.commit":
                return self._commit(params["operations"])
            if method == "context.call":
                return self._calls.call(text_of(params["step"]), params.get("data")), self._value
            if method == "context.atomic":
                return self._atomic(params["action"], params.get("settle") is True), _nothing
        except (KeyError, TypeError, AttributeError) as error:
            raise BadParams(f"{method}: {type(error).__name__}: {error}") from error
        raise BadParams(f"expected a method of the protocol, got {method!r:.80}")

    # Reading ----------------------------------------------------------------------------------------

    def _read(self, read: dict[str, Any]) -> tuple[Answer, Callable[[Any], bytes]]:
        operation = read["op"]
        if operation == "state.get":
            return self._calls.state_get(text_of(read["scope"]), text_of(read["key"])), self._entry
        if operation == "state.entries":
            return self._calls.state_entries(text_of(read["scope"])), self._entries
        if operation == "state.scopes":
            return self._calls.state_scopes(), lambda scopes: b'{"scopes":%b}' % encode(scopes)
        if operation == "run":
            step = read.get("step")
            found_run = run_state(
                self._calls, text_of(read["run_id"]), None if step is None else text_of(step)
            )
            return self._calls.begin(found_run), self._run_state
        if (found := self._streams.read(read)) is not None:
            return found
        if operation == "bulk":
            return read_bulk(self._calls, read)
        raise BadParams(f"context.read: expected an operation of the protocol, got {operation!r:.80}")

    def _entry(self, entry: StateEntry | None) -> bytes:
        if entry is None:
            return b'{"value":null,"version":0}'
        return b'{"value":%b,"version":%d}' % (self._json(entry.value), entry.version)

    def _entries(self, entries: Sequence[StateEntry]) -> bytes:
        members = (b"%b:%b" % (encode(entry.key), self._json(entry.value)) for entry in entries)
        return b'{"entries":{%b}}' % b",".join(members)

    def _run_state(self, state: RunState | None) -> bytes:
        return b'{"run":%b}' % self._text(None if state is None else asdict(state))

    # Writing ----------------------------------------------------------------------------------------

    def _commit(self, operations: list[Any]) -> tuple[Answer, Callable[[Any], bytes]]:
        if len(operations) == 1:
            future, write = self._operation(operations[0])
            return future, lambda result: b'{"results":[%b]}' % write(result)
        return self._calls.begin(self._together(operations)), _same

    async def _together(self, operations: list[Any]) -> bytes:
        self._calls.begin_atomic(settle=False)
        try:
            begun = [self._operation(operation) for operation in operations]
            results = [write(await future) for future, write in begun]
        except BaseException:
            self._calls.abandon_atomic()
            raise
        await self._calls.commit_atomic()
        return b'{"results":[%b]}' % b",".join(results)

    def _operation(self, operation: dict[str, Any]) -> tuple[Answer, Callable[[Any], bytes]]:
        kind = operation["op"]
        if kind == "enqueue":
            return self._calls.enqueue([_message(one) for one in operation["messages"]]), encode
        if (found := self._streams.write(operation) or write_bulk(self._calls, operation)) is not None:
            return found
        if kind == "signal":
            run_id, name = text_of(operation["run_id"]), text_of(operation["name"])
            return self._calls.signal(run_id, name, operation.get("data")), _nothing
        scope = text_of(operation["scope"])
        if kind == "state.set":
            write = StateWrite(
                "put",
                scope,
                text_of(operation["key"]),
                operation["value"],
                (),
                number_of(operation.get("ttl_s")),
                integer_of(operation.get("if_version")),
            )
            return self._calls.state_write(write), self._version
        if kind == "state.delete":
            return self._calls.state_write(StateWrite("delete", scope, text_of(operation["key"]))), self._old
        if kind == "state.update":
            parsed = parse_operations(operation["operations"])
            ttl_s = number_of(operation.get("ttl_s"))
            write = StateWrite("update", scope, text_of(operation["key"]), None, parsed, ttl_s)
            return self._calls.state_write(write), self._changes
        if kind == "state.clear":
            return self._calls.state_write(StateWrite("clear", scope)), _nothing
        raise BadParams(f"context.commit: expected an operation of the protocol, got {kind!r:.80}")

    def _version(self, written: StateWritten | None) -> bytes:
        return b"null" if written is None else b'{"version":%d}' % written.version

    def _old(self, written: StateWritten | None) -> bytes:
        return b"null" if written is None else b'{"old":%b}' % self._text(written.old)

    def _changes(self, written: StateWritten | None) -> bytes:
        if written is None:
            return b"null"
        old, new = self._text(written.old), self._text(written.new)
        return b'{"old":%b,"new":%b,"version":%d}' % (old, new, written.version)

    def _atomic(self, action: str, settle: bool) -> Answer:
        if action == "commit":
            return self._calls.commit_atomic()
        if action == "begin":
            self._calls.begin_atomic(settle=settle)
        elif action == "abandon":
            self._calls.abandon_atomic()
        else:
            raise BadParams(f"context.atomic: expected begin, commit or abandon, got {action!r:.80}")
        done: Answer = self._calls.loop.create_future()
        done.set_result(None)
        return done

    # Texts ------------------------------------------------------------------------------------------

    def _value(self, value: Any) -> bytes:
        return b'{"value":%b}' % self._text(value)

    def _text(self, value: Any) -> bytes:
        return wire_text(value, doubles=self._doubles)

    def _json(self, text: bytes) -> bytes:
        return wire_text_of_json(text, doubles=self._doubles)


def write_log(calls: Calls, params: dict[str, Any]) -> None:
    """Record a line of the step."""
    level = params.get("level")
    write = getattr(calls.logger, level if level in ("debug", "warning", "error") else "info")
    write(params.get("message", ""), params.get("data"))


def _message(item: dict[str, Any]) -> EnqueueRequest:
    topic, step = item.get("topic"), item.get("step")
    if (topic is None) == (step is None):
        raise BadParams("enqueue: expected a topic or a step")
    return EnqueueRequest(
        item.get("data"),
        None if topic is None else text_of(topic),
        None if step is None else text_of(step),
        None if item.get("group") is None else text_of(item["group"]),
        number_of(item.get("delay_s")),
        integer_of(item.get("at_ms")),
    )


def _nothing(result: Any) -> bytes:
    return b"{}"


def _same(result: bytes) -> bytes:
    return result
