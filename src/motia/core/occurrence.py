"""What happened in the world that makes a step run. Already validated, JSON-able."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Request:
    """An HTTP request that matched a route. Transport-neutral: any server builds it."""

    method: str
    path: str
    """Decoded path as sent."""
    route: str
    """Pattern that matched, `/users/:id`."""
    path_params: Mapping[str, str]
    """URL-decoded."""
    query_string: bytes
    """Raw, without `?`."""
    headers: Sequence[tuple[bytes, bytes]]
    """Names lower-case, in the order received, repeats kept."""
    body: bytes
    client: str | None = None
    """Address of the peer."""
    scheme: str = "http"
    trace_id: str = ""
    """Of the run that answers it, once there is one."""
    kind: Literal["http"] = "http"


@dataclass(slots=True, kw_only=True)
class Message:
    """A message of a topic, or one sent to a step by name (`topic` is then empty)."""

    topic: str
    payload: bytes
    message_id: bytes
    attempt: int = 1
    attributes: bytes = b""
    """JSON object, or empty."""
    kind: Literal["queue"] = "queue"


@dataclass(slots=True, kw_only=True)
class Tick:
    """A cron tick or a point in time that was reached."""

    scheduled_at_ms: int
    payload: bytes = b"null"
    kind: Literal["cron", "at"] = "cron"


@dataclass(slots=True, kw_only=True)
class StateChange:
    """A committed change of one state key. `payload` is the JSON that handlers receive."""

    payload: bytes
    kind: Literal["state"] = "state"


@dataclass(slots=True, kw_only=True)
class StreamChange:
    """A committed change of one stream item. `payload` is the JSON that handlers receive."""

    payload: bytes
    kind: Literal["stream"] = "stream"


@dataclass(slots=True, kw_only=True)
class ManualCall:
    """A person or `call()` ran the step by hand."""

    payload: bytes
    kind: Literal["manual"] = "manual"


Occurrence = Request | Message | Tick | StateChange | StreamChange | ManualCall
