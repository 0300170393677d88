"""`Set-Cookie` lines of a response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from motia.http.bad_result import bad_result
from motia.http.headers import Headers, is_token

_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*\Z")
_ATTRIBUTE = re.compile(r"[ -:<-~]+\Z")
_SAME_SITE = {"lax": "Lax", "strict": "Strict", "none": "None"}
_OPTIONS = frozenset(
    {"value", "max_age", "path", "domain", "secure", "http_only", "same_site", "partitioned"}
)
_CAMEL = {
    "maxAge": "max_age",
    "httpOnly": "http_only",
    "sameSite": "same_site",
    "httponly": "http_only",
    "samesite": "same_site",
}


def cookie_lines(cookies: Any) -> Headers:
    """One `set-cookie` line a cookie, from name → value, name → options with a `value`, or name → None.

    None deletes the cookie. Options: `max_age` (seconds or timedelta), `path` (default `/`), `domain`,
    `secure`, `http_only`, `same_site` (default `lax`), `partitioned`; camelCase too.
    Failure: `handler.bad_result` naming the cookie.
    """
    if not cookies:
        return []
    if not isinstance(cookies, Mapping):
        raise bad_result("$.cookies", "a mapping of names", type(cookies).__name__)
    return [(b"set-cookie", _line(name, value).encode("ascii")) for name, value in cookies.items()]


def _line(name: Any, given: Any) -> str:
    if not isinstance(name, str) or not is_token(name):
        raise bad_result("$.cookies", "cookie names that are tokens", repr(name))
    path = f"$.cookies.{name}"
    if given is None:
        given = {"value": "", "max_age": 0}
    options = given if isinstance(given, Mapping) else {"value": given}
    options = {_CAMEL.get(key, key): option for key, option in options.items()}
    if unknown := options.keys() - _OPTIONS:
        raise bad_result(path, f"options out of {', '.join(sorted(_OPTIONS))}", repr(sorted(unknown)[0]))
    value = options.get("value")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad_result(path, "a string", type(value).__name__)
    value = str(value)
    if not _VALUE.match(value):
        raise bad_result(
            path,
            "a value without spaces, quotes, commas, semicolons, backslashes and non-ASCII characters",
            repr(value),
            hint="urllib.parse.quote() it",
        )
    parts = [f"{name}={value}"]
    max_age = options.get("max_age")
    if max_age is not None:
        seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise bad_result(f"{path}.max_age", "seconds", type(seconds).__name__)
        parts.append(f"Max-Age={int(seconds)}")
    for key, label, default in (("path", "Path", "/"), ("domain", "Domain", None)):
        text = options.get(key, default)
        if text is None:
            continue
        if not isinstance(text, str) or not _ATTRIBUTE.match(text):
            raise bad_result(f"{path}.{key}", "text without semicolons and controls", repr(text))
        parts.append(f"{label}={text}")
    same_site = _SAME_SITE.get(str(options.get("same_site", "lax")).lower())
    if same_site is None:
        raise bad_result(f"{path}.same_site", "lax, strict or none", repr(options["same_site"]))
    parts.append(f"SameSite={same_site}")
    # Browsers drop a cross-site or partitioned cookie that is not marked secure.
    if options.get("secure") or same_site == "None" or options.get("partitioned"):
        parts.append("Secure")
    if options.get("http_only"):
        parts.append("HttpOnly")
    if options.get("partitioned"):
        parts.append("Partitioned")
    return "; ".join(parts)
