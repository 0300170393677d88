"""What failures are told by: the id of those that are the same, their first line, their place. Pure."""

from __future__ import annotations

import hashlib
import re

_VARYING = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b0x[0-9a-fA-F]+\b"
    # Hex ids, also behind a prefix as in `order_3f9c01ab`.
    r"|(?<![0-9a-zA-Z])(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}(?![0-9a-zA-Z])|\d+"
)
_OWN_LINE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


def cause_of(step: str, code: str, kind: str, message: str) -> str:
    """The id of a group of failures of one step."""
    what = "\n".join((step, code, kind, normal(message)))
    return hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:16]


def normal(message: str) -> str:
    """The first line of a message, with `#` for numbers and ids."""
    return _VARYING.sub("#", message.partition("\n")[0])[:300]


def headline(message: str) -> str:
    """The first line of a message, with a mark where there are more."""
    first, more, _ = message.strip().partition("\n")
    return f"{first.rstrip(' :')} …" if more else first


def place_of(stack: str) -> str | None:
    """`file:line in function` of the innermost frame that a stack names; None without one."""
    frames = _OWN_LINE.findall(stack)
    if not frames:
        return None
    path, line, function = frames[-1]
    return f"{path}:{line} in {function}"
