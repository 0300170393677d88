"""The `traceparent` header of W3C Trace Context."""

from __future__ import annotations

import re

from motia.core.message import TraceContext

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


def parse_traceparent(value: str) -> TraceContext | None:
    """The trace a W3C `traceparent` header names; None where it is malformed or all zero."""
    found = _TRACEPARENT.match(value)
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    return TraceContext(found[1], found[2], 0)
