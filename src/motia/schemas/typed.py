"""Reading JSON, or values already read, as a Python type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from motia.encoding import MAX_DEPTH, decode, may_be_too_deep
from motia.errors import InputError
from motia.schemas.problems import Location, input_invalid

_N, _I = b"NI"
"""One byte is looked for ten times as fast as a word, and most texts lack these."""


class TypeReader:
    """Reads values of one type: a Pydantic model, TypedDict, dataclass, union, `list[int]`, …

    The validator is built when first needed: it costs up to a millisecond and a project has many.
    """

    __slots__ = ("_from_json", "_from_value", "annotation")

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self._from_json: Callable[[bytes], Any] | None = None
        self._from_value: Callable[[Any], Any] | None = None

    def from_json(self, data: bytes, what: str = "body") -> Any:
        """The value of a JSON text; `InputError` `json.malformed` (400) or `input.invalid` (422)."""
        # Pydantic reads NaN and very deep texts, strict JSON has neither: those few are decoded first.
        if (
            (_N in data and b"NaN" in data)
            or (_I in data and b"Infinity" in data)
            or (len(data) > 2 * MAX_DEPTH and may_be_too_deep(data))
        ):
            decode(data)
        read = self._from_json
        if read is None:
            read = self._build()[0]
        try:
            return read(data)
        except ValidationError as error:
            raise _refused(error, what, data) from error

    def from_value(self, value: Any, what: str = "input", at: Location = ()) -> Any:
        """The value as the type, converted where Pydantic does (`"5"` for an int).

        Failure: `InputError` `input.invalid`, its paths starting with `at`.
        """
        try:
            return self.read_value(value)
        except ValidationError as error:
            raise input_invalid(problems_of(error, at), what) from error

    def read_value(self, value: Any) -> Any:
        """As `from_value`, but lets Pydantic's `ValidationError` through, for callers that collect them."""
        read = self._from_value
        if read is None:
            read = self._build()[1]
        return read(value)

    def _build(self) -> tuple[Callable[[bytes], Any], Callable[[Any], Any]]:
        annotation = self.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if not annotation.__pydantic_complete__:
                annotation.model_rebuild()
            validator = annotation.__pydantic_validator__
        else:
            validator = TypeAdapter(annotation).validator
        self._from_json, self._from_value = validator.validate_json, validator.validate_python
        return self._from_json, self._from_value


def problems_of(error: ValidationError, at: Location = ()) -> Iterator[tuple[Location, str]]:
    """Locations and messages of a Pydantic error, without the input, which may be secret."""
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        yield (*at, *item["loc"]), item["msg"]


def _refused(error: ValidationError, what: str, data: bytes) -> InputError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] != "json_invalid":
        return input_invalid(problems_of(error), what)
    try:
        decode(data)
    except InputError as malformed:
        return malformed
    return InputError(f"{what}: expected JSON, got {first['msg']}", code="json.malformed")
