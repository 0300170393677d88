"""Who may follow a stream, decided from what the project's functions answered. Pure; in doubt, no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTERNAL_PREFIX = "__motia"
"""Streams of the framework itself: on the console's socket only, never on the application's."""


class Denied(Exception):
    """A connection or a subscription is refused; the text may be told to the client."""


def context_of(answer: Any) -> Any:
    """What the project knows of a connection, out of what its auth function answered.

    An answer with `authorized` (or `context`) is taken as Motia 1.x has it, anything else is the context
    itself. Failure: `Denied` for nothing, for false, and unless `authorized` is true.
    """
    if answer is None or answer is False:
        raise Denied("authentication failed")
    fields = _fields(answer)
    if "authorized" in fields and fields["authorized"] is not True:
        raise Denied("authentication failed")
    if "authorized" in fields or fields.keys() == {"context"}:
        return fields.get("context") or {}
    return answer


def roles_of(context: Any) -> frozenset[str]:
    """The roles in a connection's context: its `roles`, or its one `role`."""
    fields = _fields(context)
    roles = fields.get("roles", fields.get("role", ()))
    roles = [roles] if isinstance(roles, str) else roles
    if not isinstance(roles, list | tuple | set | frozenset):
        return frozenset()
    return frozenset(role for role in roles if isinstance(role, str))


def has_role(wanted: frozenset[str] | None, context: Any) -> bool:
    """Whether the context has one of the roles; None asks for none."""
    return wanted is None or bool(wanted & roles_of(context))


def lets_in(answer: Any) -> bool:
    """Whether `canAccess` allowed it: only true does."""
    fields = _fields(answer)
    return (fields.get("authorized") if "authorized" in fields else answer) is True


def turns_away(answer: Any) -> bool:
    """Whether `onJoin` refused it: by false, by `unauthorized` other than false, by `authorized` not true."""
    if answer is False:
        return True
    fields = _fields(answer)
    if "authorized" in fields and fields["authorized"] is not True:
        return True
    return fields.get("unauthorized", False) not in (False, None)


def _fields(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    names = ("authorized", "unauthorized", "context", "roles", "role")
    return {name: getattr(value, name) for name in names if hasattr(value, name)}
