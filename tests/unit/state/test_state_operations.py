from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from motia.core.update import UpdateOperation, apply_update
from motia.errors import InputError
from motia.state.operations import (
    append,
    decrement,
    increment,
    merge,
    parse_operation,
    parse_operations,
    parse_path,
    remove,
    set_,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "set", "path": "", "value": {"a": 1}}, UpdateOperation("set", (), {"a": 1})),
        ({"type": "set", "path": "status", "value": None}, UpdateOperation("set", ("status",), None)),
        ({"op": "set", "path": "/status", "value": "paid"}, UpdateOperation("set", ("status",), "paid")),
        ({"op": "set", "path": "/a~1b/c~0d", "value": 1}, UpdateOperation("set", ("a/b", "c~d"), 1)),
        ({"type": "set", "path": ["a.b", 0], "value": 1}, UpdateOperation("set", ("a.b", 0), 1)),
        ({"type": "merge", "value": {"a": 1}}, UpdateOperation("merge", (), {"a": 1})),
        ({"type": "increment", "path": "a.b", "by": 2}, UpdateOperation("increment", ("a", "b"), 2)),
        ({"type": "increment", "path": "n"}, UpdateOperation("increment", ("n",), 1)),
        ({"type": "increment", "path": "n", "value": 3}, UpdateOperation("increment", ("n",), 3)),
        ({"type": "decrement", "path": "n", "by": 0.5}, UpdateOperation("decrement", ("n",), 0.5)),
        ({"type": "append", "path": "items", "value": [1]}, UpdateOperation("append", ("items",), [1])),
        ({"type": "remove", "path": "a"}, UpdateOperation("remove", ("a",))),
        ({"type": "remove", "path": None}, UpdateOperation("remove", ())),
    ],
)
def test_spellings(given: dict[str, Any], expected: UpdateOperation) -> None:
    assert parse_operation(given) == expected


def test_builders() -> None:
    given = [
        set_("user.name", "Ann"),
        merge("user", {"age": 3}),
        increment("views"),
        increment(["a.b"], 2),
        decrement("views", 3),
        append("log", {"x": 1}),
        remove("/user/age"),
    ]
    assert parse_operations(given) == tuple(given)
    assert apply_update(None, given) == {"user": {"name": "Ann"}, "views": -2, "a.b": 2, "log": [{"x": 1}]}


def test_one_operation_needs_no_list() -> None:
    assert parse_operations({"type": "remove", "path": "a"}) == (remove("a"),)
    assert parse_operations(increment("n")) == (increment("n"),)
    assert parse_operations([]) == ()


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (
            {"type": "incremet", "path": "n"},
            "expected a type out of set",
            "did you mean 'increment'?",
        ),
        (
            {"op": "replace", "path": "/n", "value": 1},
            "expected a type out of",
            "did you mean 'set'?",
        ),
        (
            {"type": "SET", "path": "n", "value": 1},
            "expected a type out of",
            "did you mean 'set'?",
        ),
        ({"path": "n", "value": 1}, "expected a type out of", "write for example"),
        ({"type": "set", "path": "n"}, "expected set with a value", 'add "value"'),
        (
            {"type": "set", "path": "n", "valeu": 1},
            "expected set with path, value, got 'valeu'",
            None,
        ),
        ({"type": "remove", "path": "n", "value": 1}, "expected remove with path", None),
        ({"type": "increment", "path": "n", "by": "2"}, "expected a number to add", None),
        ({"type": "increment", "path": "n", "by": True}, "expected a number to add", None),
        (
            {"type": "increment", "path": "n", "by": float("nan")},
            "expected a value that JSON",
            None,
        ),
        ({"type": "set", "path": "n", "value": object()}, "expected a value that JSON", None),
        (
            {"type": "set", "path": "a..b", "value": 1},
            "expected a path without empty parts",
            "list",
        ),
        ({"type": "set", "path": 3, "value": 1}, "expected a path as text or a list", None),
        (
            {"type": "set", "path": [1.5], "value": 1},
            "expected a path of names and indexes",
            None,
        ),
        (
            {"type": "set", "path": [-1], "value": 1},
            "expected a path of names and indexes",
            None,
        ),
        ("increment", "expected an object with type and path", "write for example"),
    ],
)
def test_a_bad_operation_is_named(given: Any, message: str, hint: str | None) -> None:
    with pytest.raises(InputError) as caught:
        parse_operations([given])
    assert caught.value.code == "state.bad_update"
    assert caught.value.message.startswith(f"operation 0: {message}")
    if hint is not None:
        assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("given", ["increment", b"x", 3, None])
def test_an_update_is_a_list(given: Any) -> None:
    with pytest.raises(InputError, match="update: expected a list of operations"):
        parse_operations(given)


def test_the_place_in_the_list_is_told() -> None:
    with pytest.raises(InputError, match=r"^operation 1: "):
        parse_operations([increment("n"), {"type": "nothing"}])


def test_values_are_copied_and_made_json() -> None:
    value = {"items": [1], "at": datetime(2025, 3, 1, tzinfo=UTC)}
    operation = set_("order", value)
    value["items"] = []
    assert operation.value == {"items": [1], "at": "2025-03-01T00:00:00+00:00"}


def test_what_could_not_be_read_back_is_not_written() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    assert parse_operation({"type": "set", "path": ["a"] * 4, "value": deep}).kind == "set"
    with pytest.raises(InputError, match="expected at most 64 levels"):
        set_(["a"] * 5, deep)
    with pytest.raises(InputError, match="expected at most 64 levels"):
        set_(["a"] * 65, 1)


def test_paths() -> None:
    assert parse_path("a.b.0") == ("a", "b", "0")
    assert parse_path("/a.b/0") == ("a.b", "0")
    assert parse_path(("x", 1)) == ("x", 1)
    assert parse_path(None) == parse_path("") == ()
