from __future__ import annotations

from typing import Any

import orjson
import pytest

from motia.tracing.logger import StepLogger
from motia.tracing.record import Level, LogRecord
from motia.tracing.recorder import Recorder


def make(level: Level = "debug") -> tuple[StepLogger, Recorder]:
    recorder = Recorder(lambda: 7)
    return StepLogger(recorder, "create-user", trace_id="t", span_id="s", level=level), recorder


def lines(recorder: Recorder) -> list[LogRecord]:
    return [record for record in recorder.take(100) if isinstance(record, LogRecord)]


def data_of(recorder: Recorder) -> Any:
    (line,) = lines(recorder)
    return None if line.data is None else orjson.loads(line.data)


def test_every_level() -> None:
    logger, recorder = make()
    for name in ("debug", "info", "warn", "warning", "error", "critical"):
        getattr(logger, name)("hello")
    assert lines(recorder) == [
        LogRecord("t", "s", "create-user", 7, level, "hello", None)
        for level in ("debug", "info", "warning", "warning", "error", "critical")
    ]


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("debug", ["debug", "info", "warning", "error", "critical"]),
        ("info", ["info", "warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"]),
        ("error", ["error", "critical"]),
        ("critical", ["critical"]),
    ],
)
def test_levels_below_are_left_out(level: Level, kept: list[str]) -> None:
    logger, recorder = make(level)
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, name)("hello", {"a": 1})
    assert [line.level for line in lines(recorder)] == kept
    logger.exception("hello")
    assert len(lines(recorder)) == ("error" in kept)


@pytest.mark.parametrize(
    ("arguments", "fields", "expected"),
    [
        ((), {}, None),
        (({"a": 1},), {}, {"a": 1}),
        (({"a": 1},), {"b": 2}, {"a": 1, "b": 2}),
        ((), {"b": 2, "step": "x"}, {"b": 2, "step": "x"}),
        (("text",), {}, {"data": "text"}),
        ((0,), {}, {"data": 0}),
        (([1, 2],), {"b": 2}, {"data": [1, 2], "b": 2}),
        (({},), {}, {}),
    ],
)
def test_data_and_fields(arguments: tuple[Any, ...], fields: dict[str, Any], expected: Any) -> None:
    logger, recorder = make()
    logger.info("hello", *arguments, **fields)
    assert data_of(recorder) == expected


def test_data_is_taken_at_the_call() -> None:
    logger, recorder = make()
    order = {"items": [1]}
    logger.info("before", order)
    order["items"].append(2)
    assert data_of(recorder) == {"items": [1]}


def test_exceptions_as_data() -> None:
    logger, recorder = make()
    logger.error("failed", ValueError("boom"))
    assert data_of(recorder)["error"]["message"] == "boom"
    logger.error("failed", {"error": KeyError("x")})
    assert data_of(recorder)["error"]["type"] == "KeyError"


@pytest.mark.parametrize("form", ["true", "instance", "tuple", "exception"])
def test_the_exception_being_handled(form: str) -> None:
    logger, recorder = make()
    try:
        raise ValueError("boom")
    except ValueError as error:
        if form == "true":
            logger.error("failed", {"a": 1}, exc_info=True)
        elif form == "instance":
            logger.error("failed", {"a": 1}, exc_info=error)
        elif form == "tuple":
            logger.error("failed", {"a": 1}, exc_info=(ValueError, error, None))
        else:
            logger.exception("failed", {"a": 1})
    found = data_of(recorder)
    assert found["a"] == 1
    assert found["error"]["message"] == "boom"
    assert "test_the_exception_being_handled" in found["error"]["stack"]


def test_no_exception_is_being_handled() -> None:
    logger, recorder = make()
    logger.error("failed", exc_info=True)
    assert data_of(recorder) == {}


class Odd:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_any_message() -> None:
    logger, recorder = make()
    for message in (5, None, ValueError("boom"), {"a": 1}, Odd()):
        logger.info(message)
    messages = [line.message for line in lines(recorder)]
    assert messages[:4] == ["5", "None", "ValueError: boom", "{'a': 1}"]
    assert "Odd" in messages[4]
