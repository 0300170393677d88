"""A request to the console's API, already allowed, and what its handlers read from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from motia.errors import InputError

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_LARGEST = 2**53
"""What storage, JavaScript and times can hold; also neither infinite nor NaN."""


@dataclass(slots=True, kw_only=True)
class ApiRequest:
    """One request. `params` are the decoded values of the route's parameters."""

    method: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str
    body: Any = None
    acted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """What the handler changed: logged once it succeeded."""

    def text(self, name: str) -> str | None:
        """A query parameter; None where it is missing or empty."""
        return self.query.get(name) or None

    def number(self, name: str) -> float | None:
        """A query parameter as a number. Failure: `InputError` `input.invalid`."""
        given = self.text(name)
        if given is None:
            return None
        try:
            found = float(given)
        except ValueError as error:
            raise invalid(name, "a number", given) from error
        if not -_LARGEST <= found <= _LARGEST:
            raise invalid(name, "a number of at most 16 digits", given)
        return found

    def whole(self, name: str) -> int | None:
        """A query parameter as a whole number."""
        given = self.text(name)
        if given is None:
            return None
        try:
            found = int(given)
        except ValueError as error:
            raise invalid(name, "a whole number", given) from error
        if not -_LARGEST <= found <= _LARGEST:
            raise invalid(name, "a whole number of at most 16 digits", given)
        return found

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """A query parameter that is one of `allowed`."""
        given = self.text(name)
        if given is not None and given not in allowed:
            raise invalid(name, f"one of {', '.join(allowed)}", given)
        return given

    @property
    def limit(self) -> int:
        given = self.whole("limit")
        if given is None:
            return DEFAULT_LIMIT
        if not 1 <= given <= MAX_LIMIT:
            raise invalid("limit", f"1 to {MAX_LIMIT}", given)
        return given

    def fields(self, *required: str) -> Mapping[str, Any]:
        """The body as an object that has these fields. Failure: `InputError` `input.invalid`."""
        if not isinstance(self.body, Mapping):
            raise invalid("body", "a JSON object", self.body)
        for name in required:
            if name not in self.body:
                raise invalid(f"body.{name}", "a value", None)
        return self.body

    def acted_on(self, action: str, **target: Any) -> None:
        """Note a change for the log of what operators did."""
        self.acted.append((action, target))


Handler = Callable[[ApiRequest], Awaitable[Any]]
"""Answers JSON, None for 204, or a whole `HttpResponse`."""


def query_of(query_string: bytes) -> dict[str, str]:
    """The parameters of a query; of a repeated one the last."""
    parsed = parse_qs(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    return {name: values[-1] for name, values in parsed.items()}


def invalid(where: str, expected: str, got: object) -> InputError:
    """The error for a parameter or field that does not fit."""
    shown = repr(got)
    return InputError(
        f"{where}: expected {expected}, got {shown if len(shown) <= 80 else shown[:80] + '…'}",
        code="input.invalid",
        status=422,
        details={"errors": [{"path": where, "message": f"expected {expected}"}]},
    )


def unknown(what: str, name: str, code: str) -> InputError:
    """404 for a thing the console does not find."""
    return InputError(f"{what} {name!r}: expected one that exists, got none", code=code, status=404)


def page_of(items: list[Any], following: object = None) -> dict[str, Any]:
    """A list as the API answers it."""
    return {"items": items, "next": None if following is None else str(following)}
