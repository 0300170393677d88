from __future__ import annotations

import decimal
import enum
import uuid
from collections import OrderedDict, UserDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from motia.core.occurrence import Request
from motia.errors import InputError
from motia.tracing.describe import exception_fields, snapshot


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    name: str
    password: SecretStr


@dataclass
class Point:
    x: int
    inside: Any = None


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")


class Recursive:
    def __repr__(self) -> str:
        return f"<{self!r}>"


Pair = namedtuple("Pair", "left right")


def seen(value: Any) -> Any:
    return orjson.loads(snapshot(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True, None, "ü"]}, {"a": [1, 2.5, True, None, "ü"]}),
        ({1: "one", None: 2}, {"1": "one", "null": 2}),
        ({"at": datetime(2025, 3, 1, tzinfo=UTC)}, {"at": "2025-03-01T00:00:00+00:00"}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (Model(name="Ann", password=SecretStr("hunter2")), {"name": "Ann", "password": "**********"}),
        (SecretStr("hunter2"), "**********"),
        (Point(1, Path("/tmp")), {"x": 1, "inside": "/tmp"}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (b"text", "text"),
        (b"\xff\x00", "<2 bytes>"),
        (b"x" * 3000, "<3000 bytes>"),
        (Model, "<Model>"),
        (len, "<len>"),
        (float("nan"), None),
        (2**70, "<integer of 71 bits>"),
        ([10**6000], ["<integer of 19932 bits>"]),
        ("\ud800", "\\ud800"),
        ({"\ud800": 1}, {"\\ud800": 1}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert seen(value) == expected


def test_a_request_is_described() -> None:
    request = Request(
        method="GET",
        path="/",
        route="/",
        path_params={},
        query_string=b"",
        headers=[(b"a", b"b")],
        body=b"{}",
    )
    assert seen(request)["method"] == "GET"
    assert seen(request)["headers"] == [["a", "b"]]


def test_a_value_inside_itself() -> None:
    value: dict[str, Any] = {"name": "x", "items": [1]}
    value["self"] = value
    value["items"].append(value["items"])
    assert seen(value) == {"name": "x", "items": [1, "<circular>"], "self": "<circular>"}
    point = Point(1)
    point.inside = {"point": point}
    assert "Point" in str(seen(point)) or "below level" in str(seen(point))


def test_a_deep_value_ends_somewhere() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    assert "below level" in str(seen(value))


def test_hostile_objects() -> None:
    assert seen(Hostile()) == "<Hostile: RuntimeError while it was described>"
    assert "Recursive" in seen(Recursive())
    assert seen({"a": Hostile(), "b": 1})["b"] == 1


def test_exceptions_carry_type_message_stack_and_what_is_ours() -> None:
    try:
        raise InputError("where: expected X, got Y", code="x.y", hint="do that")
    except InputError as error:
        fields = exception_fields(error)
    assert fields["type"] == "InputError"
    assert fields["message"] == "where: expected X, got Y"
    assert (fields["code"], fields["hint"]) == ("x.y", "do that")
    assert "test_describe.py" in fields["stack"]
    assert seen({"error": ValueError("boom")})["error"]["message"] == "boom"


def test_what_changes_later_was_taken_before() -> None:
    value = {"a": [1]}
    taken = snapshot(value)
    value["a"].append(2)
    assert orjson.loads(taken) == {"a": [1]}


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(alphabet=st.characters(categories=["Cs"]), max_size=2),
    st.binary(max_size=8),
    st.dates(),
    st.decimals(),
    st.complex_numbers(),
    st.builds(Hostile),
    st.builds(ValueError, st.text(max_size=5)),
)
keys = st.text(max_size=4) | st.integers() | st.none() | st.tuples(st.integers())
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.builds(Point, st.integers(), inner),
    ),
    max_leaves=15,
)


@settings(max_examples=500, deadline=None)
@given(anything)
def test_anything_at_all_becomes_json(value: Any) -> None:
    orjson.loads(snapshot(value))
