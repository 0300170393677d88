"""What a value that JSON cannot carry is refused with: where it is, and what it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from motia import encoding

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
