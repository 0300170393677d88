"""Schedules."""

from __future__ import annotations

from dataclasses import dataclass

from motia.core.message import NewMessage


@dataclass(slots=True, kw_only=True)
class Fire:
    """Enqueue `message` once for `at_ms` of schedule `key`, over all nodes (R8).

    Result: True if it was enqueued. False, and nothing is written but the mark, when `only_if_idle` and
    the queue still holds a message; False and nothing at all when this or a later time was fired before.
    """

    key: str
    at_ms: int
    message: NewMessage
    only_if_idle: bool = False
