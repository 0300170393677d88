"""Which trigger fired, for handlers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from motia.core.calls import Calls


class TriggerInfo:
    """Which trigger fired. Reads as an object and as a dict."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def index(self) -> int | None:
        return self._calls.invocation.trigger_index

    @property
    def type(self) -> str:
        kind = self._calls.invocation.occurrence.kind
        return "queue" if kind == "manual" else kind

    def _field(self, name: str) -> Any:
        invocation = self._calls.invocation
        if invocation.trigger_index is None:
            return None
        return getattr(invocation.step.triggers[invocation.trigger_index], name, None)

    @property
    def topic(self) -> str | None:
        value: str | None = self._field("topic")
        return value

    @property
    def path(self) -> str | None:
        value: str | None = self._field("path")
        return value

    @property
    def method(self) -> str | None:
        value: str | None = self._field("method")
        return value

    @property
    def expression(self) -> str | None:
        value: str | None = self._field("expression")
        return value

    @property
    def scheduled_at(self) -> datetime | None:
        """The time, in UTC, that a cron tick or a point in time stands for, however late it runs."""
        at_ms: int | None = getattr(self._calls.invocation.occurrence, "scheduled_at_ms", None)
        return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        value = getattr(self, name, None)
        return default if value is None else value
