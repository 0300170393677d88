"""The logger that handlers get: it never raises, never blocks, and costs little where a level is off."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from motia.tracing.describe import describe, exception_fields, snapshot
from motia.tracing.record import LEVELS, Level
from motia.tracing.recorder import Recorder

_ExcInfo = (
    bool
    | BaseException
    | tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
    | None
)


class StepLogger:
    """Lines of one execution. `data` may be anything; it is taken as it is at the call.

    A mapping's fields and keyword arguments become fields of the line; an exception becomes `error`,
    anything else `data`. `exc_info=True` adds the exception being handled.
    """

    __slots__ = ("_level", "_recorder", "_span_id", "_step", "_trace_id")

    def __init__(
        self, recorder: Recorder, step: str, *, trace_id: str = "", span_id: str = "", level: Level = "debug"
    ) -> None:
        self._recorder = recorder
        self._step = step
        self._trace_id = trace_id
        self._span_id = span_id
        self._level = LEVELS[level]

    def debug(self, message: object, data: Any = None, *, exc_info: _ExcInfo = None, **fields: Any) -> None:
        if self._level <= 10:
            self._log("debug", message, data, exc_info, fields)

    def info(self, message: object, data: Any = None, *, exc_info: _ExcInfo = None, **fields: Any) -> None:
        if self._level <= 20:
            self._log("info", message, data, exc_info, fields)

    def warning(self, message: object, data: Any = None, *, exc_info: _ExcInfo = None, **fields: Any) -> None:
        if self._level <= 30:
            self._log("warning", message, data, exc_info, fields)

    warn = warning

    def error(self, message: object, data: Any = None, *, exc_info: _ExcInfo = None, **fields: Any) -> None:
        if self._level <= 40:
            self._log("error", message, data, exc_info, fields)

    def exception(
        self, message: object, data: Any = None, *, exc_info: _ExcInfo = True, **fields: Any
    ) -> None:
        """`error` with the exception being handled."""
        if self._level <= 40:
            self._log("error", message, data, exc_info, fields)

    def critical(
        self, message: object, data: Any = None, *, exc_info: _ExcInfo = None, **fields: Any
    ) -> None:
        if self._level <= 50:
            self._log("critical", message, data, exc_info, fields)

    def _log(
        self, level: Level, message: object, data: Any, exc_info: _ExcInfo, fields: dict[str, Any]
    ) -> None:
        taken = None
        if data is not None or fields or exc_info:
            taken = snapshot(_fields_of(data, exc_info, fields))
        self._recorder.log(
            level,
            message if type(message) is str else _text_of(message),
            step=self._step,
            trace_id=self._trace_id,
            span_id=self._span_id,
            data=taken,
        )


def _text_of(message: object) -> str:
    if isinstance(message, BaseException):
        fields = exception_fields(message)
        return f"{fields['type']}: {fields['message']}"
    if isinstance(message, str):
        return str.__str__(message)
    try:
        return str(message)
    except Exception:  # a user's __str__; the line is still worth having
        return str(describe(message))


def _fields_of(data: Any, exc_info: _ExcInfo, fields: dict[str, Any]) -> Any:
    if isinstance(data, Mapping):
        if not fields and not exc_info:
            return data
        found = {**data, **fields}
    elif data is None:
        found = fields
    else:
        found = {"error" if isinstance(data, BaseException) else "data": data, **fields}
    if exc_info:
        error = (
            sys.exc_info()[1]
            if exc_info is True
            else exc_info[1]
            if isinstance(exc_info, tuple)
            else exc_info
        )
        if isinstance(error, BaseException):
            found["error"] = error
    return found
