"""Workflows as data: the run of a durable handler, the entries of its journal, and the mail it waits for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from motia.core.message import MessageId, TraceContext

EntryKind = Literal["step", "undo", "sleep", "wait", "call", "approval", "marker"]
EntryStatus = Literal["done", "failed", "retrying", "waiting"]
RunStatus = Literal["running", "suspended", "held", "completed", "failed", "cancelled"]
"""`held`: its code changed under it, and it waits for the code that it began with."""

RESULT_TOPIC = "$result"
"""Mail under this topic tells a caller what a called step returned; its key is the callee's message id."""
SIGNAL_TOPIC = "$signal/"
"""Prefix of the topics of signals; their key is the run's id."""


NOTIFY_STEP = "notify approval"
"""Name of the step that tells of a question."""
APPROVAL_TOPIC = "$approval"
"""Topic of the answers of people."""
REPLY = "$reply"
"""Attribute of a message whose sender waits for what the step returns."""
UNDO_MARKER = "$undo"
"""The entry that says: this run is being undone. Its error is why."""
HELD_MARKER = "$held"
"""The entry that says: the code changed under this run, which waits for the code it began with. Its error is
what changed, its value the names of the entries that the other code made."""
STATUS_MARKER = "$status"
"""The entry that holds what a run says of where it stands, and in `attempts` how often it has said so."""
CANCELLED = b'{"code":"workflow.cancelled","message":"the run was cancelled"}'


class RunId(NamedTuple):
    """One run: a message and the step that handles it, over all attempts and suspensions."""

    message_id: MessageId
    step: str


@dataclass(slots=True, kw_only=True)
class JournalEntry:
    """What a run remembers of one named point."""

    name: str
    """Unique within the run: `charge`, and `charge#2` where the code comes by a second time."""
    kind: EntryKind
    status: EntryStatus
    at_ms: int
    version: int = 1
    value: bytes | None = None
    """JSON text of the result, of the mail, or of what a called step returned."""
    error: bytes | None = None
    """JSON object of the failure."""
    attempts: int = 0
    due_at_ms: int | None = None
    """When a sleep ends, a wait gives up, or a step is tried again."""
    mail_id: MessageId | None = None
    """The mail that ended a wait: the run does not take it a second time."""


def is_open(entry: JournalEntry, now_ms: int) -> bool:
    """Whether the run still waits at an entry. A sleep is over by its time alone: that is not written."""
    return entry.status == "waiting" and (entry.kind != "sleep" or (entry.due_at_ms or 0) > now_ms)


def undo_marker(at_ms: int, cause: bytes = CANCELLED) -> JournalEntry:
    """The entry that makes a run undo what it did, and end as its cause says."""
    return JournalEntry(name=UNDO_MARKER, kind="marker", status="done", at_ms=at_ms, error=cause)


def most_crashes(max_crashes: int, *, undoing: bool) -> int:
    """How many crashes end a message: what undoes a run gets as many again as the run had."""
    return max_crashes * 2 if undoing else max_crashes


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """One run, as lists show it."""

    id: RunId
    topic: str
    status: RunStatus
    started_at_ms: int
    ended_at_ms: int | None
    due_at_ms: int | None
    """When a suspended run goes on by itself; None = when its mail comes."""
    trace: TraceContext
    entries: int
    error: bytes | None = None
    output: bytes | None = None
    input: bytes = b"null"
    held: JournalEntry | None = None
    """Why it is held, while it is."""


@dataclass(slots=True, kw_only=True)
class Mail:
    """An event that somebody may wait for, now or soon."""

    id: MessageId
    topic: str
    payload: bytes
    at_ms: int
    keep_until_ms: int
    key: str | None = None
    """None = one for every list of fields that is waited for on the topic."""


def mail_key(fields: Sequence[str], payload: Any) -> str | None:
    """The key of an event: its values of `fields`, in a spelling that is the same for equal values.

    None where it lacks one of them. No fields: one key for all events of the topic.
    """
    values = []
    for path in fields:
        value = payload
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                return None
            value = value[name]
        values.append(value)
    return json.dumps([list(fields), values], separators=(",", ":"), sort_keys=True)


class Suspend(BaseException):
    """Leaves a handler that has nothing to do but wait. No `Exception`: a handler's `except Exception` must
    not take it for a failure."""

    def __init__(self, due_at_ms: int | None, waits: Sequence[str] = ()) -> None:
        super().__init__("the workflow waits")
        self.due_at_ms = due_at_ms
        self.waits = tuple(waits)


class Compensating(BaseException):
    """Leaves a handler that runs again only to say how its steps are undone."""


class RuntimeGone(BaseException):
    """Leaves a durable call whose function went with its process: that is no failure of the step, and nothing
    of it is recorded."""


def merged(suspended: Sequence[Suspend]) -> Suspend:
    """One suspension for several: it ends with the first of them."""
    due = [suspend.due_at_ms for suspend in suspended if suspend.due_at_ms is not None]
    return Suspend(min(due, default=None), [name for suspend in suspended for name in suspend.waits])


def suspension(error: BaseException) -> Suspend | None:
    """What a handler waits for that was left with `error`; None where that is a failure. An
    `asyncio.TaskGroup` is left with a group: of waits alone it is one."""
    if isinstance(error, Suspend):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    parts = [suspension(one) for one in error.exceptions]
    waits = [part for part in parts if part is not None]
    return merged(waits) if len(waits) == len(parts) else None
