"""Updates of state against a reference that edits a deep copy in place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia.core.update import KINDS, UpdateOperation, apply_update
from motia.encoding import decode, encode
from motia.errors import InputError
from motia.state.operations import parse_operations

names = st.sampled_from(["a", "b", "0", "1", "x.y"])
numbers = st.integers(-5, 5) | st.sampled_from([0.5, -1.5])
scalars = st.none() | st.booleans() | numbers | st.sampled_from(["", "text"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
paths = st.lists(names | st.integers(-1, 3), max_size=3).map(tuple)
operations = st.builds(UpdateOperation, st.sampled_from(KINDS), paths, values)


class Refused(Exception):
    pass


def number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused
    return value


def changed(current: Any, operation: UpdateOperation) -> Any:
    value = copy.deepcopy(operation.value)
    match operation.kind:
        case "set":
            return value
        case "remove":
            return None
        case "merge":
            if not isinstance(value, dict) or not (current is None or isinstance(current, dict)):
                raise Refused
            return (current or {}) | value
        case "append":
            if not (current is None or isinstance(current, list)):
                raise Refused
            return (current or []) + [value]
    by = number(1 if value is None else value)
    start = number(0 if current is None else current)
    return start + by if operation.kind == "increment" else start - by


def slot(holder: Any, part: str | int) -> Any:
    """The key of a holder that a part of a path means."""
    if isinstance(holder, dict):
        return str(part)
    if not isinstance(holder, list) or not str(part).isdigit():
        raise Refused
    return int(part)


def reference(value: Any, operation: UpdateOperation) -> Any:
    root = {"root": copy.deepcopy(value)}
    holder: Any = root
    key: Any = "root"
    removes = operation.kind == "remove"
    for part in operation.path:
        inside = holder[key] if not isinstance(holder, list) or key < len(holder) else None
        inside = holder.get(key) if isinstance(holder, dict) else inside
        if inside is None:
            if removes:
                return root["root"]
            inside = {}
            if isinstance(holder, list) and key == len(holder):
                holder.append(inside)
            else:
                holder[key] = inside
        key, holder = slot(inside, part), inside
        if isinstance(holder, list) and key > len(holder) and not removes:
            raise Refused
        if isinstance(holder, dict) and removes and key not in holder:
            return root["root"]
        if isinstance(holder, dict):
            holder.setdefault(key, None)
        if isinstance(holder, list) and key >= len(holder) and removes:
            return root["root"]
    if removes and operation.path:
        del holder[key]
        return root["root"]
    if isinstance(holder, list) and key == len(holder):
        holder.append(changed(None, operation))
    else:
        holder[key] = changed(holder[key], operation)
    return root["root"]


@settings(max_examples=200, deadline=None)
@given(values, st.lists(operations, max_size=4))
def test_equals_the_reference_and_changes_nothing_it_was_given(
    value: Any, given_operations: list[UpdateOperation]
) -> None:
    before = copy.deepcopy((value, given_operations))
    expected: Any = value
    refused = False
    try:
        for operation in given_operations:
            expected = reference(expected, operation)
    except Refused:
        refused = True
    if refused:
        with pytest.raises(InputError) as caught:
            apply_update(value, given_operations)
        assert caught.value.code == "state.bad_update"
    else:
        found = apply_update(value, given_operations)
        assert encode(found) == encode(expected)
        # Once more: a batch that runs again after its neighbours failed gives the same.
        assert encode(apply_update(value, given_operations)) == encode(expected)
    assert repr((value, given_operations)) == repr(before)


@settings(max_examples=200, deadline=None)
@given(values, st.lists(operations, max_size=3))
def test_whatever_was_parsed_leaves_a_value_that_can_be_read_again(
    value: Any, given_operations: list[UpdateOperation]
) -> None:
    try:
        found = apply_update(value, parse_operations(given_operations))
    except InputError as error:
        code = error.code
    else:
        code = "state.bad_update"
        assert encode(decode(encode(found))) == encode(found)
    assert code == "state.bad_update"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1000, 1000), max_size=20))
def test_increments_add_up(amounts: list[int]) -> None:
    steps = [UpdateOperation("increment", ("n",), amount) for amount in amounts]
    found = apply_update(None, steps)
    assert (found or {"n": 0})["n"] == sum(amounts)


@pytest.mark.parametrize(
    ("start", "by"),
    [(2**64 - 1, 1), (-(2**63), -1), (1e308, 1e308), (10**18, float("inf")), (1.5, 10**400)],
)
def test_a_sum_that_json_cannot_carry_is_refused(start: float, by: float) -> None:
    with pytest.raises(InputError, match=r"expected a .*sum") as caught:
        apply_update({"n": start}, [UpdateOperation("increment", ("n",), by)])
    assert caught.value.code == "state.bad_update"


@pytest.mark.parametrize("index", ["-1", "1_0", " 1", "+1", "²", "one", "9" * 30])
def test_a_list_index_is_plain_digits(index: str) -> None:
    with pytest.raises(InputError, match="list index"):
        apply_update({"items": [1, 2]}, [UpdateOperation("set", ("items", index), 0)])


def test_an_error_names_the_path_and_shows_little_of_the_value() -> None:
    with pytest.raises(InputError) as caught:
        apply_update({"a": {"b": "x" * 500}}, [UpdateOperation("increment", ("a", "b"), 1)])
    assert caught.value.message.startswith("increment at a.b: expected a number at a.b, got 'xxx")
    assert len(caught.value.message) < 130
    assert caught.value.details == {"path": ["a", "b"]}
