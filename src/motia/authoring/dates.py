"""`ctx.utils`: the time, for handlers."""

from __future__ import annotations

from datetime import UTC, datetime


class Dates:
    """Current time for handlers."""

    @staticmethod
    def now() -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    @staticmethod
    def iso() -> str:
        """Now, as ISO 8601 text."""
        return datetime.now(UTC).isoformat()


class Utils:
    """Small helpers for handlers."""

    dates = Dates()
