"""Every event of the framework: its name, when it happens, its fields and their units.

Tests wait on these and the console shows them; an event that is not listed here cannot be emitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from motia.errors import InternalError


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event. `fields` maps each field to what it holds, with its unit."""

    name: str
    when: str
    fields: Mapping[str, str]


_STEP = {"step": "name of the step", "trace_id": "32 hex digits", "span_id": "16 hex digits"}
_MESSAGE = {
    "topic": "topic; empty when sent to a step by name",
    "step": "name of the step",
    "message_id": "id with dashes",
    "trace_id": "32 hex digits",
}
_FOLLOWED = {"stream": "name", "group": "group", "id": "id of the one item it follows, or None"}

_KINDS = (
    EventKind(
        "invocation.started",
        "a step begins to run",
        {**_STEP, "kind": "http, queue, cron, state, stream, at or manual", "attempt": "1 for the first"},
    ),
    EventKind(
        "invocation.ended",
        "a step has run, its outcome is decided and not yet committed",
        {
            **_STEP,
            "kind": "as at the start",
            "attempt": "1 for the first",
            "status": "ok, refused, cancelled, timeout, error or crashed",
            "duration_us": "microseconds",
            "code": "code of the error, or None",
        },
    ),
    EventKind("message.enqueued", "a message is committed to one queue", _MESSAGE),
    EventKind("message.claimed", "this node holds a message", {**_MESSAGE, "attempt": "1 for the first"}),
    EventKind(
        "message.settled",
        "the end of an attempt is committed",
        {
            **_MESSAGE,
            "outcome": "completed, cancelled, retried, snoozed, released or dead",
            "due_at_ms": "epoch ms, or None",
        },
    ),
    EventKind(
        "message.dead_lettered",
        "a message will not be tried again",
        {**_MESSAGE, "code": "why", "attempts": "executions it had"},
    ),
    EventKind(
        "message.orphaned",
        "no step of the project serves the stored messages of a queue; at start and every hour",
        {"topic": _MESSAGE["topic"], "step": _MESSAGE["step"], "messages": "number that wait"},
    ),
    EventKind(
        "message.undeliverable",
        "a message was sent to a topic or step that nobody serves",
        {"topic": "topic or name", "trace_id": "32 hex digits"},
    ),
    EventKind(
        "http.request",
        "a response was handed to the server",
        {
            "method": "upper case",
            "path": "as sent",
            "route": "pattern, or None when nothing matched",
            "status": "HTTP status",
            "duration_us": "microseconds",
            "trace_id": "32 hex digits",
        },
    ),
    EventKind(
        "state.changed",
        "a change of a key is committed",
        {
            "scope": "scope",
            "key": "key",
            "change": "created, updated or deleted",
            "version": "of the key",
            "trace_id": "32 hex digits",
        },
    ),
    EventKind("stream.joined", "a client was let in to follow a stream", _FOLLOWED),
    EventKind("stream.denied", "a client may not, or no longer, follow a stream", _FOLLOWED),
    EventKind("stream.left", "a client follows a stream no longer", _FOLLOWED),
    EventKind(
        "cron.fired",
        "a tick is enqueued by this node",
        {"step": "name of the step", "expression": "as written", "scheduled_at_ms": "epoch ms"},
    ),
    EventKind(
        "cron.skipped",
        "a tick is not enqueued",
        {
            "step": "name of the step",
            "expression": "as written",
            "scheduled_at_ms": "epoch ms",
            "reason": "overlap, missed or taken",
        },
    ),
    EventKind(
        "log",
        "a step logged a line; subscribers get the `LogRecord` itself",
        {**_STEP, "level": "debug, info, warning, error or critical", "message": "text"},
    ),
    EventKind("node.started", "a node accepts work", {"node": "id, hex", "pid": "process id"}),
    EventKind("node.draining", "a node takes no new work", {"node": "id, hex", "running": "executions"}),
    EventKind(
        "node.stopped", "a node has ended its work", {"node": "id, hex", "released": "messages given back"}
    ),
    EventKind(
        "node.recovered",
        "the work of a dead node was taken back",
        {"node": "id of the dead node, hex", "messages": "number given back"},
    ),
    EventKind(
        "registry.loaded",
        "a project's steps were read",
        {
            "version": "of the registry",
            "steps": "number",
            "problems": "number",
            "duration_ms": "milliseconds",
        },
    ),
    EventKind("worker.started", "a language worker is ready", {"language": "language", "pid": "process id"}),
    EventKind(
        "worker.exited",
        "a language worker died",
        {"language": "language", "pid": "process id", "reason": "text"},
    ),
    EventKind(
        "tracing.dropped", "records were lost", {"sink": "where", "records": "number", "reason": "text"}
    ),
)

EVENTS: Mapping[str, EventKind] = {kind.name: kind for kind in _KINDS}


def check_event(name: str, fields: Mapping[str, Any]) -> None:
    """Raise `InternalError` unless the event and exactly its fields are catalogued."""
    kind = EVENTS.get(name)
    if kind is None:
        raise InternalError(f"event: expected a catalogued name, got {name!r}", code="internal.uncatalogued")
    if fields.keys() != kind.fields.keys():
        raise InternalError(
            f"event {name}: expected fields {sorted(kind.fields)}, got {sorted(fields)}",
            code="internal.uncatalogued",
        )
