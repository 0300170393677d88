"""Markers for the parameters of step functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from motia.authoring.misuse import misuse
from motia.core.spelling import did_you_mean


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()
"""Default of a marked parameter that must be given."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A parameter that gets what `function` gives; see `Depends`."""

    function: Callable[..., Any]
    use_cache: bool = True


def Depends(function: Callable[..., Any], *, use_cache: bool = True) -> Any:
    """Fill a parameter with what `function` returns: `db: Database = Depends(database)`.

    `function` may be sync, async, or a generator (sync or async) that yields once: what follows the `yield`
    runs after the handler, with its exception if it failed. Its own parameters are filled like those of a
    handler. *Order*: as the parameters stand; teardown in reverse. *Concurrency*: one call an execution,
    shared by all who name the same function, unless `use_cache` is False. Sync ones of an async handler
    run on the event loop and must not block.
    """
    return Dependency(function, use_cache)


class Limits(TypedDict, total=False):
    """What a value must keep to, beside its type; the words of Pydantic's `Field`."""

    gt: float
    ge: float
    lt: float
    le: float
    multiple_of: float
    min_length: int
    max_length: int
    pattern: str
    description: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """Where a parameter's value comes from; made by `Header`, `Query`, `Cookie` and `Body`."""

    source: str
    name: str | None = None
    default: Any = REQUIRED
    limits: Limits = field(default_factory=Limits)


def Header(default: Any = REQUIRED, *, alias: str | None = None, **limits: Unpack[Limits]) -> Any:
    """The parameter is a request header: `alias`, else its own name with dashes, `x_token` is `x-token`.

    Without `default` (or with `...`) it must be sent. `limits` are those of Pydantic's `Field`: `ge=1`.
    """
    return _parameter("header", default, alias, limits)


def Query(default: Any = REQUIRED, *, alias: str | None = None, **limits: Unpack[Limits]) -> Any:
    """The parameter is a query parameter, whatever its type: `limit: int = Query(10, ge=1, le=100)`.

    Without `default` (or with `...`) it must be sent. `alias` is its name in the query. `limits` are those
    of Pydantic's `Field`.
    """
    return _parameter("query", default, alias, limits)


def Cookie(default: Any = REQUIRED, *, alias: str | None = None, **limits: Unpack[Limits]) -> Any:
    """The parameter is a cookie: `alias`, else its own name. Without `default` (or with `...`) it must be
    sent. `limits` are those of Pydantic's `Field`."""
    return _parameter("cookie", default, alias, limits)


def Body(default: Any = REQUIRED, *, alias: str | None = None, **limits: Unpack[Limits]) -> Any:
    """The parameter is the whole body, or its field `alias`. Without `default` (or with `...`) it must be
    sent. `limits` are those of Pydantic's `Field`."""
    return _parameter("body", default, alias, limits)


def _parameter(source: str, default: Any, alias: str | None, limits: Limits) -> Parameter:
    known = ["default", "alias", *Limits.__annotations__]
    for name in limits:
        if name not in known:
            raise misuse(
                f"{source.capitalize()}: expected {', '.join(known)}, got {name}",
                hint=did_you_mean(name, known) or None,
            )
    return Parameter(source, alias, REQUIRED if default is ... else default, limits)
