"""Markers for the parameters of step functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Parameter:
    """Where a parameter's value comes from; made by `Header`, `Query`, `Cookie` and `Body`."""

    source: str
    name: str | None = None
    default: Any = REQUIRED


def Header(name: str | None = None, *, default: Any = REQUIRED) -> Any:
    """The parameter is a request header; by default its own name with dashes: `x_token` is `x-token`."""
    return Parameter("header", name, default)


def Query(name: str | None = None, *, default: Any = REQUIRED) -> Any:
    """The parameter is a query parameter, whatever its type."""
    return Parameter("query", name, default)


def Cookie(name: str | None = None, *, default: Any = REQUIRED) -> Any:
    """The parameter is a cookie."""
    return Parameter("cookie", name, default)


def Body(name: str | None = None, *, default: Any = REQUIRED) -> Any:
    """The parameter is the whole body, or its field `name`."""
    return Parameter("body", name, default)
