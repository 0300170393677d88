"""Which pages may open a socket or an event stream: browsers send cookies along, whoever's page asks."""

from __future__ import annotations

from urllib.parse import urlsplit

from motia.http.cors import is_loopback_origin
from motia.settings import Settings


class OriginRule:
    """Lets in clients that are no pages, origins named in `cors.origins`, and the app's own.

    In development every page of this machine is let in. An app that is reached only by loopback there
    trusts no other name, though it be its own: a foreign name that resolves to this machine is an attack.
    """

    def __init__(self, settings: Settings) -> None:
        self._development = settings.mode == "development"
        self._any = "*" in settings.cors.origins
        self._named = frozenset(origin.rstrip("/").lower() for origin in settings.cors.origins)
        local = is_loopback_origin(f"http://{settings.host}".encode())
        self._own = not (self._development and local)

    def allows(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers may be answered."""
        if self._any:
            return True
        host = next((value for name, value in headers if name == b"host"), b"").decode("latin-1").lower()
        origin = next((value for name, value in headers if name == b"origin"), None)
        if origin is None:
            # Browsers leave it out where page and address have one name, which may be a foreign one.
            return self._own or not host or is_loopback_origin(f"http://{host}".encode())
        text = origin.decode("latin-1").lower()
        if text in self._named or (self._development and is_loopback_origin(origin)):
            return True
        return self._own and bool(host) and urlsplit(text).netloc == host
