"""Which requests the console answers at all: pure checks of headers, the same for every request and socket.

A page of another site can make a browser send requests here (by name rebinding, by a form, by a socket).
What gives it away is `Host`, `Origin` and `Sec-Fetch-Site`, which no script can forge.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from motia.errors import AccessError

Headers = Mapping[str, str]


def headers_of(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The header lines of a scope by lower-case name; a repeated line is joined with a comma."""
    found: dict[str, str] = {}
    for name, value in lines:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def check_host(headers: Headers, allowed: Iterable[str]) -> None:
    """Refuse a name that somebody else's DNS may point here. Failure: `AccessError` `console.host`."""
    host = host_name(headers.get("host", ""))
    if host == "localhost" or host.endswith(".localhost") or _is_address(host):
        return
    if host not in {name.lower() for name in allowed}:
        raise AccessError(
            f"console: expected localhost, an address or an allowed name as Host, got {host!r}",
            code="console.host",
            hint="add the name to workbench.allowed_hosts",
        )


def check_origin(headers: Headers) -> None:
    """Refuse what a page of another origin sent. Failure: `AccessError` `console.origin`."""
    origin = headers.get("origin")
    host = headers.get("host", "")
    if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
        raise AccessError(
            "console: expected a request of its own page, got one of another origin", code="console.origin"
        )
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise AccessError(
            "console: expected a request of its own page, got one of another site", code="console.origin"
        )


def is_navigation(method: str, headers: Headers) -> bool:
    """Whether a person goes to this address, so that the answer is a page."""
    if method not in ("GET", "HEAD"):
        return False
    mode = headers.get("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
    return "text/html" in headers.get("accept", "")


def host_name(host: str) -> str:
    """The name in a Host header, lower-case and without port; brackets of IPv6 taken off."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
