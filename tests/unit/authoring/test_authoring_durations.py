from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from motia.authoring.durations import seconds
from motia.errors import InputError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (5, 5.0),
        (0, 0.0),
        (1.5, 1.5),
        ("30", 30.0),
        ("250ms", 0.25),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("3d", 259200.0),
        ("2w", 1209600.0),
        ("1.5H", 5400.0),
        (timedelta(minutes=2), 120.0),
    ],
)
def test_a_duration_is_read_as_seconds(written: Any, expected: float) -> None:
    assert seconds(written) == pytest.approx(expected)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "5 minutes",
        "5m!",
        "m",
        "-5m",
        -1,
        1e18,
        "9999999w",
        float("nan"),
        float("inf"),
        True,
        None,
        [],
    ],
)
def test_what_is_no_duration_is_refused(written: Any) -> None:
    with pytest.raises(InputError, match=r"Retry\.delay: expected a duration") as refused:
        seconds(written, "Retry.delay")
    assert refused.value.code == "duration.invalid"
    assert not refused.value.retryable
    assert refused.value.hint
