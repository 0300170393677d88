from __future__ import annotations

import io
from datetime import UTC, timedelta, timezone

import orjson
import pytest

from motia.tracing.console import ConsolePrinter, escape, readable_line
from motia.tracing.packing import Packer
from motia.tracing.record import Level, LogRecord, SpanRecord
from motia.tracing.redaction import Redactor

TRACE = "1a2b3c4d" + "0" * 24
AT_MS = 1_764_000_062_345.0  # 2025-11-24T16:01:02.345Z
ATTACK = "ok\r\n12:00:00.000 [info] forged\x1b[2J\x9b31m\u2028next\u202egnp\x00"


def line(message: str = "hello", level: Level = "info", data: bytes | None = None) -> LogRecord:
    return LogRecord(TRACE, "s" * 16, "create-user", AT_MS, level, message, data)


def printed(*records: LogRecord, **options: object) -> str:
    stream = io.StringIO()
    printer = ConsolePrinter(stream, zone=UTC, **options)  # type: ignore[arg-type]
    packer = Packer(Redactor())
    printer.open()
    printer.write([], [packer.log(record) for record in records])
    printer.close()
    return stream.getvalue()


def test_a_readable_line() -> None:
    text = printed(line(data=b'{"id":17,"name":"Ann Lee","ok":true,"tags":["a"],"kind":"new","none":null}'))
    assert text == (
        '16:01:02.345 [info] create-user hello id=17 name="Ann Lee" ok=true tags=["a"] kind=new none=null '
        f"trace_id={TRACE}\n"
    )


def test_times_are_in_the_zone() -> None:
    assert readable_line(line(), timezone(timedelta(hours=2))).startswith("18:01:02.345 ")
    assert readable_line(line()._replace(at_ms=AT_MS - 345), UTC).startswith("16:01:02.000 ")


def test_a_line_outside_of_any_trace() -> None:
    record = line()._replace(trace_id="", step="motia", data=b'"text"')
    assert readable_line(record, UTC) == "16:01:02.345 [info] motia hello data=text"


def test_a_stack_stands_below_its_line_and_can_forge_none() -> None:
    stack = 'File "steps/a_step.py", line 3, in a\n16:01:02.345 [info] forged\x1b[31m'
    below = '    File "steps/a_step.py", line 3, in a\n    16:01:02.345 [info] forged\\x1b[31m\n'
    head, tail = "16:01:02.345 [info] create-user hello", f"trace_id={TRACE}"
    assert printed(line(data=orjson.dumps({"n": 1, "stack": stack}))) == f"{head} n=1 {tail}\n{below}"
    nested = {"error": {"type": "KeyError", "message": "x", "stack": stack}}
    assert printed(line(data=orjson.dumps(nested))) == (
        f'{head} error={{"type":"KeyError","message":"x"}} {tail}\n{below}'
    )
    assert printed(line(data=orjson.dumps({"stack": stack})), json_lines=True).count("\n") == 1


def test_colours_only_where_asked_for() -> None:
    assert "\x1b[" not in printed(line(level="error"))
    assert "\x1b[31m[error]\x1b[0m" in printed(line(level="error"), colour=True)
    assert "\x1b[" not in printed(line(level="error"), colour=True, json_lines=True)


def test_levels_below_are_not_printed() -> None:
    levels: tuple[Level, ...] = ("debug", "info", "warning", "error", "critical")
    text = printed(*(line(level, level) for level in levels), level="warning")
    assert [row.split()[-2] for row in text.splitlines()] == ["warning", "error", "critical"]


def test_json_lines() -> None:
    text = printed(line(data=b'{"id":17}'), line("second"), json_lines=True)
    first, second = (orjson.loads(row) for row in text.splitlines())
    assert first == {
        "time": "2025-11-24T16:01:02.345Z",
        "level": "info",
        "step": "create-user",
        "trace_id": TRACE,
        "span_id": "s" * 16,
        "message": "hello",
        "data": {"id": 17},
    }
    assert second["message"] == "second"
    assert "data" not in second


@pytest.mark.parametrize("json_lines", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_one_record_is_one_line_and_obeys_nobody(json_lines: bool, colour: bool) -> None:
    data = orjson.dumps({"text": ATTACK, ATTACK: 1, "list": [ATTACK]})
    record = line(ATTACK, data=data)._replace(step=ATTACK)
    text = printed(record, json_lines=json_lines, colour=colour)
    plain = text.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[36m", "") if colour else text
    assert plain.count("\n") == 1
    assert not any(character in plain[:-1] for character in "\r\n\x1b\x9b\x00\u2028\u202e")
    if json_lines:
        assert orjson.loads(text)["message"] == ATTACK


def test_escapes_are_spelled_out() -> None:
    assert escape("a\nb\tc\x1b[0m\u202eü✓") == "a\\nb\\tc\\x1b[0m\\u202eü✓"


def test_a_stream_that_cannot_write_a_character() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    ConsolePrinter(stream, zone=UTC).write([], [Packer(Redactor()).log(line("ü"))])
    assert rb"create-user \xfc trace_id=" in raw.getvalue()


def test_spans_are_not_printed() -> None:
    stream = io.StringIO()
    span = SpanRecord("t" * 32, "s" * 16, None, "a", "http", 1.5, 7)
    ConsolePrinter(stream).write([Packer(Redactor()).span(span)], [])
    assert stream.getvalue() == ""


def test_no_secret_is_printed() -> None:
    text = printed(line("password=c4n4ry", data=b'{"token":"c4n4ry"}'))
    assert "c4n4ry" not in text
    assert text.count("[redacted]") == 2
