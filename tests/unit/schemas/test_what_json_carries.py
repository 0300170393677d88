"""What a value that JSON cannot carry is refused with: where it is, and what it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from motia import encoding
from motia.errors import InputError

CASES: tuple[tuple[Any, str], ...] = (
    ({"a": [{(1, 2): 3}]}, "$.a[0]: expected texts as keys, got tuple"),
    ({"a": [1.0, float("nan")]}, "$.a[1]: expected a finite number, got NaN or infinity"),
    ({"wait": timedelta(1)}, "$.wait: expected a value that JSON can carry, got timedelta"),
)


@pytest.mark.parametrize(("value", "message"), CASES)
def test_a_refusal_names_the_place_and_the_type(value: Any, message: str) -> None:
    with pytest.raises(encoding.EncodingError) as refused:
        encoding.encode(value)
    assert refused.value.message.startswith(message)


def test_usual_values_are_written() -> None:
    assert encoding.decode(encoding.encode({1: {2}, "b": b"\xff", None: 1.5})) == {
        "1": [2],
        "b": "/w==",
        "null": 1.5,
    }


def nested(levels: int, beside: Any = None) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value, beside] if level % 2 else {"a": value, "b": beside}
    return value


@pytest.mark.parametrize(
    "beside", [None, "]]]}}}" * 99, '\\" [{' * 99, "\\" + "]" * 99, [{"c": []}] * 200, {"}": ["{"]}]
)
def test_what_is_read_again_has_at_most_64_levels(beside: Any) -> None:
    fits, deeper = nested(60, [beside]), nested(65, [beside])
    assert encoding.decode(encoding.encode_kept(fits)) == fits
    with pytest.raises(encoding.EncodingError, match="expected at most 64 levels"):
        encoding.encode_kept(deeper)
    with pytest.raises(InputError, match="at most 64 levels") as refused:
        encoding.decode(encoding.encode(deeper))
    assert refused.value.code == "json.too_deep"
    assert encoding.decode(encoding.encode_kept(nested(64))) == nested(64)
    assert encoding.decode(encoding.encode(nested(64)).decode()) == nested(64)
