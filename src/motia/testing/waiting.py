"""What a test that waited in vain is told: what came instead, or what still runs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from motia.core.message import QueueDepth
from motia.core.spelling import did_you_mean
from motia.tracing.catalogue import EVENTS
from motia.tracing.record import Event

_TOLD_EVENTS = 5


def expect_event(name: str, fields: Collection[str]) -> None:
    """Raise `ValueError` for a name or a field that no event has: it would never come."""
    kind = EVENTS.get(name)
    if kind is None:
        raise ValueError(f"until: expected an event, got {name!r}{_meant(name, EVENTS)}")
    for field in fields:
        if field not in kind.fields:
            raise ValueError(
                f"until: expected a field of {name} ({', '.join(kind.fields)}), got {field!r}"
                f"{_meant(field, kind.fields)}"
            )


def in_vain(name: str, fields: Mapping[str, Any], came: Sequence[Event]) -> str:
    """What was waited for and did not come, and the latest of that name with those fields."""
    wanted = f"{name}{_listed(fields)}"
    if not came:
        return f"{wanted} came, and no other {name}"
    latest = "; ".join(
        _listed({field: event.fields.get(field) for field in fields}).strip() or name
        for event in came[-_TOLD_EVENTS:]
    )
    return f"{wanted} came; the last of {len(came)} that did: {latest}"


def work_left(depths: Sequence[QueueDepth], *, held_clock: bool) -> str:
    """Which queues still have something to do; on a clock that is held it may wait for that."""
    left = [
        f"{depth.queue.step} ({depth.claimed} running, {depth.ready} ready, {depth.limited} limited)"
        for depth in depths
        if depth.claimed or depth.ready or depth.limited
    ]
    hint = (
        ": what waits for time within its handler goes on with `await app.advance(…)`" if held_clock else ""
    )
    return (f"there is work left in {', '.join(left)}" if left else "an attempt had not ended") + hint


def _listed(fields: Mapping[str, Any]) -> str:
    return "".join(f" {field}={value!r}" for field, value in fields.items())


def _meant(name: str, known: Collection[str]) -> str:
    meant = did_you_mean(name, known)
    return f": {meant}" if meant else ""
