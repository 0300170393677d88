"""Atomic changes of one JSON value: set, merge, increment, decrement, append, remove. Pure.

A backend applies them inside its commit, so that no update is lost between a read and a write.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from motia.errors import InputError

UpdateKind = Literal["set", "merge", "increment", "decrement", "append", "remove"]
KINDS: tuple[str, ...] = ("set", "merge", "increment", "decrement", "append", "remove")


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
    """The value after all operations, in order; `value` itself is left alone. None stands for "no value".

    Failure: `InputError` `state.bad_update` naming the path, where an operation does not fit what is there.
    """
    result = copy.deepcopy(value)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(root: Any, operation: UpdateOperation) -> Any:
    if not operation.path:
        return _changed(root, operation)
    if root is None:
        if operation.kind == "remove":
            return root
        root = {}
    parent = root
    for depth, part in enumerate(operation.path[:-1]):
        child = _child(parent, part, operation, depth)
        if child is _MISSING or child is None:
            if operation.kind == "remove":
                return root
            child = {}
            _put(parent, part, child, operation, depth)
        parent = child
    last = len(operation.path) - 1
    part = operation.path[last]
    if operation.kind == "remove":
        _remove(parent, part, operation)
        return root
    current = _child(parent, part, operation, last)
    _put(parent, part, _changed(None if current is _MISSING else current, operation), operation, last)
    return root


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
        return (current or 0) + (by if operation.kind == "increment" else -by)
    raise InputError(
        f"expected an operation out of {', '.join(KINDS)}, got {operation.kind!r}", code="state.bad_update"
    )


def _child(parent: Any, part: str | int, operation: UpdateOperation, depth: int) -> Any:
    if isinstance(parent, dict):
        return parent.get(str(part), _MISSING)
    if isinstance(parent, list):
        index = _index(parent, part, operation, depth)
        return parent[index] if index < len(parent) else _MISSING
    raise _misfit(operation, "an object or a list", parent, depth)


def _put(parent: Any, part: str | int, value: Any, operation: UpdateOperation, depth: int) -> None:
    if isinstance(parent, dict):
        parent[str(part)] = value
        return
    index = _index(parent, part, operation, depth)
    if index == len(parent):
        parent.append(value)
    elif index < len(parent):
        parent[index] = value
    else:
        raise _misfit(operation, f"an index up to {len(parent)}", index, depth)


def _remove(parent: Any, part: str | int, operation: UpdateOperation) -> None:
    if isinstance(parent, dict):
        parent.pop(str(part), None)
        return
    if not isinstance(parent, list):
        raise _misfit(operation, "an object or a list", parent)
    index = _index(parent, part, operation, len(operation.path) - 1)
    if index < len(parent):
        del parent[index]


def _index(parent: list[Any], part: str | int, operation: UpdateOperation, depth: int) -> int:
    try:
        index = int(part)
    except ValueError:
        raise _misfit(operation, "a list index", part, depth) from None
    if index < 0:
        raise _misfit(operation, "a list index of 0 or more", part, depth)
    return index


def _misfit(operation: UpdateOperation, expected: str, got: Any, depth: int | None = None) -> InputError:
    path = ".".join(str(part) for part in operation.path[: None if depth is None else depth]) or "the value"
    shown = type(got).__name__ if isinstance(got, dict | list) else repr(got)
    return InputError(
        f"{operation.kind} at {'.'.join(map(str, operation.path)) or 'the root'}: "
        f"expected {expected} at {path}, got {shown}",
        code="state.bad_update",
        details={"path": list(operation.path)},
    )
