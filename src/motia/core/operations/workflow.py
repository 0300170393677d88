"""Runs of workflows, and the mail they wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motia.core.message import QueueName, TraceContext
from motia.core.workflow import JournalEntry, Mail, RunId, RunStatus


@dataclass(slots=True, kw_only=True)
class RunBegin:
    """A handler has turned out to be a workflow: its run is remembered. Repeating it changes nothing."""

    run: RunId
    topic: str
    started_at_ms: int
    trace: TraceContext
    input: bytes
    expires: bool = False
    """Its message had to start by a time. It has started: from now on it has none."""


@dataclass(slots=True)
class JournalPut:
    """Set an entry of a run's journal; a new one comes after all others."""

    run: RunId
    entry: JournalEntry


@dataclass(slots=True, kw_only=True)
class RunEnd:
    """A run is over: what it waited for is forgotten, its journal is kept until `PruneRuns`. A run that is
    not known changes nothing."""

    run: RunId
    status: RunStatus
    at_ms: int
    output: bytes | None = None
    error: bytes | None = None


@dataclass(slots=True)
class RetryRun:
    """An ended run begins again: it forgets entry `since` of its journal and all after it (None = from its
    last failure), and does again what was undone; its message, from the dead letters if it is there, is
    ready.

    A held run (None = from the step that changed) goes on so with the code that there is, in its message's
    place; what it had called and still waits for is cancelled.

    Result: the names of what is done anew. Failure: `InputError` `run.unknown`, `run.not_ended`,
    `run.unknown_entry`. `Redrive` of a run's dead letter does the same from its last failure.
    """

    run: RunId
    since: str | None = None
    now_ms: int = field(kw_only=True)


@dataclass(slots=True, kw_only=True)
class WaitFor:
    """Wait for mail: the oldest one of `topic` and `key` since `since_ms` that the run has not taken ends
    entry `name` of its journal as `done`; else the first to come will, and wakes the run.

    From now on mail of the topic is kept with a key of these `fields`. Result: whether mail was there.
    """

    run: RunId
    queue: QueueName
    name: str
    topic: str
    fields: Sequence[str] | None
    """None = mail of this topic is posted under keys of its own."""
    key: str
    since_ms: int
    now_ms: int


@dataclass(slots=True)
class GiveUpWait:
    """Stop to wait for mail and set `entry` in its place, unless the mail was first. Result: whether it was
    given up."""

    run: RunId
    entry: JournalEntry


@dataclass(slots=True)
class RegisterMail:
    """Keep events of `topic` for those that wait, by these fields."""

    topic: str
    fields: Sequence[str]


@dataclass(slots=True)
class Post:
    """Deliver mail: to the runs that wait for it, and to the mailbox for those that will.

    Nothing is kept of a topic that nobody has ever waited for, unless the mail has a key of its own.
    Result: number of runs it woke.
    """

    mail: Mail


@dataclass(slots=True)
class PruneRuns:
    """Delete runs that ended before a time, and mail past its keeping. Result: number."""

    ended_before_ms: int
    now_ms: int
    limit: int = 1000
