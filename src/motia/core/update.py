"""Atomic changes of one JSON value: set, merge, increment, decrement, append, remove. Pure.

A backend applies them inside its commit, so that no update is lost between a read and a write.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from motia.errors import InputError

UpdateKind = Literal["set", "merge", "increment", "decrement", "append", "remove"]
KINDS: tuple[str, ...] = ("set", "merge", "increment", "decrement", "append", "remove")
_LONGEST_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class UpdateOperation:
    """One change at `path`.

    A path is a tuple of field names and list indexes; empty means the whole value. Missing objects on the
    way are created by every kind but `remove`.
    """

    kind: UpdateKind
    path: tuple[str | int, ...] = ()
    value: Any = None


class _Missing:
    pass


_MISSING = _Missing()


def apply_update(value: Any, operations: Sequence[UpdateOperation]) -> Any:
    """The value after all operations, in order. None stands for "no value".

    Nothing given is changed, so the same operations may be applied again. The result shares unchanged parts
    with what was given: encode it, do not edit it.
    Failure: `InputError` `state.bad_update` naming the path, where an operation does not fit what is there.
    """
    for operation in operations:
        value = _apply(value, operation, 0)
    return value


def _apply(node: Any, operation: UpdateOperation, depth: int) -> Any:
    """`node`, which stands at the first `depth` parts of the path, after the operation."""
    path = operation.path
    removes = operation.kind == "remove"
    if depth == len(path):
        return _changed(None if node is _MISSING else node, operation)
    if node is None or node is _MISSING:
        if removes:
            return node
        node = {}
    part = path[depth]
    if isinstance(node, dict):
        key = str(part)
        child = node.get(key, _MISSING)
        if removes and child is _MISSING:
            return node
        if removes and depth == len(path) - 1:
            return {name: item for name, item in node.items() if name != key}
        return {**node, key: _apply(child, operation, depth + 1)}
    if isinstance(node, list):
        index = _index(part, operation, depth)
        if removes and index >= len(node):
            return node
        if removes and depth == len(path) - 1:
            return node[:index] + node[index + 1 :]
        if index > len(node):
            raise _misfit(operation, f"an index up to {len(node)}", index, depth)
        child = node[index] if index < len(node) else _MISSING
        return [*node[:index], _apply(child, operation, depth + 1), *node[index + 1 :]]
    raise _misfit(operation, "an object or a list", node, depth)


def _changed(current: Any, operation: UpdateOperation) -> Any:
    given = operation.value
    if operation.kind == "set":
        return given
    if operation.kind == "remove":
        return None
    if operation.kind == "merge":
        if not isinstance(given, Mapping):
            raise _misfit(operation, "an object to merge", given)
        if current is not None and not isinstance(current, dict):
            raise _misfit(operation, "an object", current)
        return {**(current or {}), **given}
    if operation.kind == "append":
        if current is not None and not isinstance(current, list):
            raise _misfit(operation, "a list", current)
        return [*(current or []), given]
    if operation.kind in ("increment", "decrement"):
        by = 1 if given is None else given
        for number in (by, current):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
                raise _misfit(operation, "a number", number)
        start = 0 if current is None else current
        return _sum(start, by if operation.kind == "increment" else -by, operation)
    raise InputError(
        f"expected an operation out of {', '.join(KINDS)}, got {operation.kind!r}", code="state.bad_update"
    )


def _sum(current: int | float, by: int | float, operation: UpdateOperation) -> int | float:
    try:
        result = current + by
    except OverflowError:
        result = math.inf
    if isinstance(result, int) and not -(2**63) <= result < 2**64:
        raise _misfit(operation, "a sum within 64 bits", result)
    if not math.isfinite(result):
        raise _misfit(operation, "a finite sum", result)
    return result


def _index(part: str | int, operation: UpdateOperation, depth: int) -> int:
    if isinstance(part, str) and part.isascii() and part.isdigit() and len(part) < 16:
        return int(part)
    if isinstance(part, int) and part >= 0:
        return part
    raise _misfit(operation, "a list index of 0 or more", part, depth)


def _misfit(operation: UpdateOperation, expected: str, got: Any, depth: int | None = None) -> InputError:
    path = ".".join(str(part) for part in operation.path[: None if depth is None else depth]) or "the value"
    shown = type(got).__name__ if isinstance(got, dict | list) else repr(got)
    if len(shown) > _LONGEST_SHOWN_CHARS:
        shown = f"{shown[:_LONGEST_SHOWN_CHARS]}…"
    return InputError(
        f"{operation.kind} at {'.'.join(map(str, operation.path)) or 'the root'}: "
        f"expected {expected} at {path}, got {shown}",
        code="state.bad_update",
        details={"path": list(operation.path)},
    )
