"""Paths and methods of HTTP triggers: one spelling for all the ways a route is written. Pure."""

from __future__ import annotations

import re

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
_BRACES = re.compile(r"\{([A-Za-z_]\w*)(:path)?\}")
_PARAMETER = re.compile(r"[:*][A-Za-z_]\w*")


class BadPath(ValueError):
    """`expected` completes the sentence "path: expected …, got …"."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def canonical_path(written: str) -> str:
    """`/users/{id}` as `/users/:id`; a last `*`, `*name` or `{name:path}` takes the rest of the path.

    Failure: `BadPath` saying what was expected.
    """
    if not written.startswith("/"):
        raise BadPath("a path that starts with '/'")
    if any(character in written for character in "?# \t\r\n"):
        raise BadPath("a path without '?', '#' or blanks; write an optional part as a second trigger")
    segments = written.split("/")[1:]
    parameters: set[str] = set()
    canonical = []
    for index, segment in enumerate(segments):
        braces = _BRACES.fullmatch(segment)
        if braces is not None:
            segment = ("*" if braces[2] else ":") + braces[1]
        elif segment == "*":
            segment = "*rest"
        if segment[:1] in (":", "*"):
            if _PARAMETER.fullmatch(segment) is None:
                raise BadPath("parameters that fill a whole segment, such as /files/:name")
            if segment[0] == "*" and index != len(segments) - 1:
                raise BadPath("a wildcard only as the last segment")
            if segment[1:] in parameters:
                raise BadPath(f"each parameter once, {segment[1:]!r} comes twice")
            parameters.add(segment[1:])
        elif "{" in segment or "}" in segment:
            raise BadPath("parameters that fill a whole segment, such as /files/{name}")
        canonical.append(segment)
    return "/" + "/".join(canonical)


def route_key(method: str, path: str) -> tuple[str, str]:
    """Equal for two routes that match the same requests: parameter names are ignored."""
    return method, "/".join(part[0] if part[:1] in (":", "*") else part for part in path.split("/"))
