"""Why a message is not running: pure, from the rows that the scheduler itself reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from motia.core.ids import format_id
from motia.core.message import NodeId, Pause, StoredMessage
from motia.core.trigger import QueuePolicy
from motia.core.wording import counted
from motia.core.workflow import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the surroundings of one message."""

    now_ms: int
    policy: QueuePolicy | None
    """None = no step of the project serves its queue."""
    nodes: Mapping[NodeId, int] = field(default_factory=dict)
    """Registered nodes and their process ids."""
    pauses: Sequence[Pause] = ()
    head: StoredMessage | None = None
    """Of its FIFO group."""
    holders: Sequence[StoredMessage] = ()
    """What runs in its queue; of its concurrency key, where it waits for that."""
    ready_before: int = 0
    rate_free_at_ms: int | None = None
    waits: Sequence[JournalEntry] = ()
    """What its run waits for, if it is one."""
    claimed: int = 0
    """What nodes run or hold, of all queues; asked for where a message starts when it is claimed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that a message waits for; or its state, when it waits for nothing."""

    code: str
    text: str
    until_ms: int | None = None
    holder: str = ""
    """Id of the message that is in its way."""


def explain(message: StoredMessage, facts: Facts) -> list[Reason]:
    """Everything that keeps the message from running, the most decisive first. Never empty."""
    if message.status == "dead":
        attempts = message.failures + message.crashes
        return [Reason("dead", f"it is a dead letter after {counted(attempts, 'attempt')}: {message.code}")]
    if message.status == "running":
        return [Reason("running", f"it {_where(message, facts)}, attempt {message.failures + 1}")]
    reasons = [_paused(pause, facts) for pause in facts.pauses if pause.holds(message.queue)]
    if facts.policy is None:
        text = f"no step {message.queue.step!r} serves the topic {message.queue.topic!r} any more"
        reasons.append(Reason("orphaned", f"{text}: it waits until one does, or is cancelled"))
    if not facts.nodes:
        reasons.append(Reason("no_node", "no node runs: start one with `motia dev` or `motia start`"))
    own = _own(message, facts)
    return reasons if reasons and own == [_next()] else reasons + own


def _own(message: StoredMessage, facts: Facts) -> list[Reason]:
    if message.status == "scheduled" and facts.waits:
        return [_waits(entry) for entry in facts.waits]
    if message.status == "scheduled":
        what = "it waits for its time"
        if message.failures:
            what = f"attempt {message.failures} failed; the next waits for its time"
        return [Reason("scheduled", what, message.due_at_ms)]
    if message.status == "blocked" and facts.head is not None:
        head = facts.head
        state = _where(head, facts) if head.status == "running" else f"is {head.status}"
        text = f"the head of its group {message.group!r}, message {format_id(head.id)}, {state}"
        return [Reason("group", text, head.due_at_ms, format_id(head.id))]
    if message.awaits == "key":
        limit = facts.policy and facts.policy.concurrency_by_key
        most = f"{limit.limit} of" if limit else "the limit of"
        return [
            Reason(
                "concurrency_key",
                f"{most} key {message.concurrency_key!r} may run at once: message {format_id(one.id)}"
                f" {_where(one, facts)}",
                None,
                format_id(one.id),
            )
            for one in facts.holders
        ] or [_next()]
    if message.awaits == "rate":
        text = f"the rate limit of key {message.rate_key!r} is used up"
        return [Reason("rate", text, facts.rate_free_at_ms)]
    return _ready(message, facts)


def _ready(message: StoredMessage, facts: Facts) -> list[Reason]:
    policy = facts.policy
    reasons = []
    if facts.rate_free_at_ms is not None and facts.rate_free_at_ms > facts.now_ms:
        reasons.append(Reason("rate", "the rate limit of the queue is used up", facts.rate_free_at_ms))
    if policy is not None and policy.concurrency is not None and len(facts.holders) >= policy.concurrency:
        held = ", ".join(f"{format_id(one.id)} {_where(one, facts)}" for one in facts.holders[:5])
        text = f"{policy.concurrency} of its queue may run at once: {held}"
        reasons.append(Reason("concurrency", text, None, format_id(facts.holders[0].id)))
    if facts.ready_before:
        others = counted(facts.ready_before, "other message")
        reasons.append(Reason("backlog", f"it starts after {others} of its queue"))
    elif not reasons and policy is not None and policy.starts_when_claimed and facts.claimed:
        text = f"a node takes it once it has a place to run it; {facts.claimed} run, or are about to"
        reasons.append(Reason("places", text))
    return reasons or [_next()]


def _waits(entry: JournalEntry) -> Reason:
    if entry.kind == "sleep":
        return Reason("sleep", "its run sleeps", entry.due_at_ms)
    if entry.kind == "marker":
        text = "its run is held, for its code changed (`motia runs show`); it looks again"
        return Reason("held", text, entry.due_at_ms)
    for_ever = ", without a limit of time" if entry.due_at_ms is None and entry.kind == "wait" else ""
    return Reason(entry.kind, f"its run waits at {entry.name!r}{for_ever}", entry.due_at_ms)


def _next() -> Reason:
    return Reason("next", "nothing is in its way: the next node that looks takes it")


def _paused(pause: Pause, facts: Facts) -> Reason:
    options = [f"--{part} {name}" for part in ("topic", "step") if (name := getattr(pause, part)) != "*"]
    what = f"{pause.topic} → {pause.step}" if options else "everything"
    ago_s = max(0, facts.now_ms - pause.since_ms) // 1000
    command = " ".join(("motia queue resume", *(options or ["--all"])))
    return Reason("paused", f"{what} is paused, for {ago_s} s now; `{command}` takes that back")


def _where(message: StoredMessage, facts: Facts) -> str:
    pid = facts.nodes.get(message.node) if message.node is not None else None
    return "runs, or is about to, on the node " + (f"with pid {pid}" if pid else "that is not registered")
