"""Every way people write an update of state, turned into `UpdateOperation`s; and builders for new code.

    {"type": "increment", "path": "stats.views", "by": 1}   {"op": "set", "path": "/status", "value": "paid"}
    increment("stats.views")                                set_(["file.txt"], {...})

A path is dotted (`a.b`), a JSON pointer (`/a/b`), or a list, whose parts are taken literally; empty or
absent, it is the whole value. Values are copied: changing one after the call changes no operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from motia.core.spelling import nearest
from motia.core.update import KINDS, UpdateKind, UpdateOperation
from motia.encoding import MAX_DEPTH, EncodingError, decode, encode
from motia.errors import InputError

Path = str | Sequence[str | int]
_FOREIGN_KINDS = {"add": "set", "replace": "set", "push": "append", "delete": "remove", "unset": "remove"}
_NUMERIC = ("increment", "decrement")
_NAMES_OF_KIND = ("type", "op")
_FIELDS_OF_KIND = {
    **dict.fromkeys(("set", "merge", "append"), ("path", "value")),
    **dict.fromkeys(_NUMERIC, ("path", "by", "value")),
    "remove": ("path",),
}


def set_(path: Path, value: Any) -> UpdateOperation:
    """Put `value` at `path`."""
    return _operation("set", path, value)


def merge(path: Path, value: Mapping[str, Any]) -> UpdateOperation:
    """Put the fields of `value` into the object at `path`; its other fields stay."""
    return _operation("merge", path, value)


def increment(path: Path, by: int | float = 1) -> UpdateOperation:
    """Add `by` to the number at `path`; a missing one counts as 0."""
    return _operation("increment", path, by)


def decrement(path: Path, by: int | float = 1) -> UpdateOperation:
    """Subtract `by` from the number at `path`; a missing one counts as 0."""
    return _operation("decrement", path, by)


def append(path: Path, value: Any) -> UpdateOperation:
    """Add `value` to the end of the list at `path`; a missing one counts as empty."""
    return _operation("append", path, value)


def remove(path: Path) -> UpdateOperation:
    """Take away what stands at `path`; nothing happens if nothing is there."""
    return _operation("remove", path, None)


def parse_operations(
    given: Iterable[Any] | Mapping[str, Any] | UpdateOperation,
) -> tuple[UpdateOperation, ...]:
    """The operations that `given` (one or a list of them, in any spelling) asks for, in order.

    Failure: `InputError` `state.bad_update` naming the operation by its place in the list.
    """
    if isinstance(given, Mapping | UpdateOperation):
        return (parse_operation(given),)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise _bad("update", "a list of operations", given, _EXAMPLE)
    return tuple(parse_operation(item, where=f"operation {index}") for index, item in enumerate(given))


_EXAMPLE = 'write for example [{"type": "increment", "path": "views", "by": 1}]'


def parse_operation(given: Any, *, where: str = "operation") -> UpdateOperation:
    """One operation. Failure: `InputError` `state.bad_update`, its message begins with `where`."""
    if isinstance(given, UpdateOperation):
        return _operation(given.kind, given.path, given.value, where)
    if type(given) is not dict and not isinstance(given, Mapping):
        raise _bad(where, "an object with type and path", given, _EXAMPLE)
    kind = given.get("type", given.get("op"))
    if kind not in KINDS:
        raise _bad(where, f"a type out of {', '.join(KINDS)}", kind, _nearest_kind(kind))
    for name in given:
        if name not in _NAMES_OF_KIND and name not in _FIELDS_OF_KIND[kind]:
            raise _bad(where, f"{kind} with {', '.join(_FIELDS_OF_KIND[kind])}", name, None)
    if kind in _NUMERIC:
        value = given.get("by", given.get("value", 1))
    elif kind == "remove":
        value = None
    elif "value" in given:
        value = given["value"]
    else:
        raise _bad(where, f"{kind} with a value", dict(given), 'add "value"')
    return _operation(cast(UpdateKind, kind), given.get("path", ""), value, where)


def parse_path(path: Path | None, *, where: str = "operation") -> tuple[str | int, ...]:
    """The parts of a path. A list is literal; text is a JSON pointer if it starts with `/`, else dotted."""
    if path is None or path == "":
        return ()
    if isinstance(path, str):
        if path.startswith("/"):
            return tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
        parts = tuple(path.split("."))
        if not all(parts):
            raise _bad(where, "a path without empty parts", path, 'write a list for names with dots: ["a.b"]')
        return parts
    if not isinstance(path, list | tuple):
        raise _bad(where, "a path as text or a list", path, 'write "a.b" or ["a", "b"]')
    for part in path:
        if isinstance(part, bool) or not isinstance(part, str | int) or (isinstance(part, int) and part < 0):
            raise _bad(where, "a path of names and indexes", part, None)
    return tuple(path)


def _operation(kind: UpdateKind, path: Path | None, value: Any, where: str | None = None) -> UpdateOperation:
    where = where or kind
    parts = parse_path(path, where=where)
    if kind in _NUMERIC:
        value = 1 if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _bad(where, "a number to add or subtract", value, None)
    return UpdateOperation(kind, parts, _copied(value, len(parts), where))


def _copied(value: Any, depth: int, where: str) -> Any:
    try:
        text = encode(value)
        if depth + text.count(b"[") + text.count(b"{") > MAX_DEPTH:
            # What a path leads to lies as deep as the path is long: what cannot be read back is not written.
            decode(b"[" * depth + text + b"]" * depth)
        copied = value if type(value) is str else decode(text)
    except EncodingError as error:
        raise InputError(
            f"{where}: expected a value that JSON can carry, {error.message}", code="state.bad_update"
        ) from error
    except InputError as error:
        raise InputError(
            f"{where}: expected at most {MAX_DEPTH} levels, got a deeper path and value",
            code="state.bad_update",
        ) from error
    return copied


def _nearest_kind(kind: Any) -> str | None:
    if not isinstance(kind, str):
        return _EXAMPLE
    found = _FOREIGN_KINDS.get(kind.lower()) or nearest(kind, KINDS)
    return f"did you mean {found!r}?" if found else None


def _bad(where: str, expected: str, got: Any, hint: str | None) -> InputError:
    shown = repr(got)
    return InputError(
        f"{where}: expected {expected}, got {shown if len(shown) <= 60 else shown[:60] + '…'}",
        code="state.bad_update",
        hint=hint,
    )
