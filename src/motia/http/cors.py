"""What browsers of other origins may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from motia.errors import SettingsError
from motia.http.headers import Headers, is_token
from motia.http.response import HttpResponse
from motia.settings.model import CorsSettings

_VARY = (b"vary", b"Origin")


class Cors:
    """The CORS headers of one app; answers nothing unless origins are configured or loopback is allowed."""

    __slots__ = ("_allow_loopback", "_any", "_credentials", "_headers", "_max_age", "_methods", "_origins")

    def __init__(self, settings: CorsSettings, allow_loopback: bool) -> None:
        """Failure: `SettingsError` for credentials together with the origin `*`."""
        if settings.credentials and "*" in settings.origins:
            raise SettingsError(
                "cors: expected named origins where credentials are allowed, got '*'",
                code="settings.cors",
                hint="list the origins, or set cors.credentials = false",
            )
        self._allow_loopback = allow_loopback
        self._any = "*" in settings.origins
        self._origins = frozenset(origin.rstrip("/").lower().encode() for origin in settings.origins)
        self._credentials = settings.credentials
        self._methods = ", ".join(settings.methods).encode()
        self._headers = None if "*" in settings.headers else ", ".join(settings.headers).encode()
        self._max_age = b"%d" % settings.max_age_s

    def headers_for(self, origin: bytes | None) -> Headers:
        """Lines to add to any response, for the request's `Origin` header."""
        if self._any:
            return [(b"access-control-allow-origin", b"*")] if origin is not None else []
        if not self._origins and not self._allow_loopback:
            return []
        if origin is None or not self._allowed(origin):
            # Caches must not hand this answer to an origin that is allowed.
            return [_VARY]
        lines = [(b"access-control-allow-origin", origin), _VARY]
        if self._credentials:
            lines.append((b"access-control-allow-credentials", b"true"))
        return lines

    def preflight(self, method: str, request_headers: Sequence[tuple[bytes, bytes]]) -> HttpResponse | None:
        """The answer to a browser's preflight, to which `headers_for` adds its lines as to any other; None
        when it is none, or its origin is not allowed."""
        if method != "OPTIONS":
            return None
        asked = dict(request_headers)
        origin = asked.get(b"origin")
        if origin is None or b"access-control-request-method" not in asked:
            return None
        if not (self._any or self._allowed(origin)):
            return None
        lines = [(b"access-control-allow-methods", self._methods)]
        allowed = self._headers
        if allowed is None:
            # `*` would not cover `authorization`, so the names asked for are echoed.
            names = asked.get(b"access-control-request-headers", b"").decode("latin-1").split(",")
            allowed = ", ".join(name.strip() for name in names if is_token(name.strip())).encode()
        if allowed:
            lines.append((b"access-control-allow-headers", allowed))
        lines.append((b"access-control-max-age", self._max_age))
        return HttpResponse(204, lines, b"")

    def _allowed(self, origin: bytes) -> bool:
        return origin.lower() in self._origins or (self._allow_loopback and is_loopback_origin(origin))


def is_loopback_origin(origin: bytes) -> bool:
    """Whether an `Origin` header names this machine: localhost, 127.0.0.0/8 or [::1], on any port."""
    try:
        parts = urlsplit(origin.decode("ascii"))
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or parts.netloc.rpartition("@")[1] or parts.path:
            return False
        if host == "localhost" or host.endswith(".localhost"):
            return True
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
