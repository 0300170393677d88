"""What a handler may return or raise beside plain values."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar

from motia.authoring.durations import Duration, seconds
from motia.errors import MotiaError

B = TypeVar("B")
Headers = Mapping[str, str | Sequence[str]]
Cookies = Mapping[str, Any]


@dataclass(slots=True)
class Response:
    """A whole HTTP response. `body`: what JSON can carry, text, bytes, a `Path`, or an async generator."""

    body: Any = None
    status: int = 200
    headers: Headers | None = None
    cookies: Cookies | None = None
    """Name → value, or a mapping with `value` and the attributes of the cookie."""
    media_type: str | None = None


@dataclass(slots=True)
class ApiResponse(Generic[B]):
    """A response in the order of Motia 1.x: `ApiResponse(status=201, body={...})`."""

    status: int
    body: B | None = None
    headers: dict[str, str] = field(default_factory=dict)


class FileResponse(Response):
    """A file, sent with its type, length and validators; ranges are answered.

    `filename` makes browsers save it under that name.
    """

    __slots__ = ("filename", "path")

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        filename: str | None = None,
        status: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(None, status, headers, None, media_type)
        self.path = Path(path)
        self.filename = filename


class Redirect(Response):
    """Sends the client to `url`. 307 keeps the method, 303 turns it into GET, 308 is for ever."""

    __slots__ = ("url",)

    def __init__(self, url: str, status: int = 307, *, headers: Headers | None = None) -> None:
        super().__init__(None, status, headers)
        self.url = url


@dataclass(slots=True)
class SSE:
    """One server-sent event. Data that is no text is sent as JSON."""

    data: Any = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    """Milliseconds a client waits before it connects again."""
    comment: str | None = None


class EventSource(Response):
    """A stream of server-sent events: of `SSE` values, or of plain values as the data of one each.

    The generator is closed when the client goes away.
    """

    __slots__ = ()

    def __init__(
        self,
        events: AsyncIterable[Any] | Iterable[Any],
        *,
        status: int = 200,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(events, status, headers, None, "text/event-stream")


class HTTPError(MotiaError):
    """Raise it to answer a request with an error: `raise HTTPError(404, "no such order")`.

    Outside of a request it fails the attempt like any other exception.
    """

    def __init__(self, status: int, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise ValueError(
                f"HTTPError: expected a status from 400 to 599 first, got {status!r}:"
                ' write HTTPError(404, "no such order")'
            )
        text = detail if isinstance(detail, str) else "the handler refused the request"
        super().__init__(text, code="http.error", details={"status": status}, retryable=True)
        self.status = status
        self.http_status = status  # type: ignore[misc]  # one class, every error status
        self.detail = detail
        self.headers = headers


class Retry:
    """Return it to run the message again, as a failed attempt, after `delay` (None = as the policy says)."""

    __slots__ = ("delay_s", "reason")

    def __init__(self, delay: Duration | None = None, reason: str = "") -> None:
        self.delay_s = None if delay is None else seconds(delay, "Retry.delay")
        self.reason = reason

    def __repr__(self) -> str:
        return f"Retry(delay_s={self.delay_s!r}, reason={self.reason!r})"


class Snooze:
    """Return it to run the message again after `delay`, charging no attempt."""

    __slots__ = ("delay_s", "reason")

    def __init__(self, delay: Duration, reason: str = "") -> None:
        self.delay_s = seconds(delay, "Snooze.delay")
        self.reason = reason

    def __repr__(self) -> str:
        return f"Snooze(delay_s={self.delay_s!r}, reason={self.reason!r})"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Return it to give the message up: it is cancelled, neither completed nor dead-lettered."""

    reason: str = ""
