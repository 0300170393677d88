"""Type hints of step functions: read them, whatever state they are in, and tell their kinds apart."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import inspect
import sys
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Field

from motia.authoring.depends import REQUIRED, Dependency, Parameter
from motia.authoring.payload import Payload
from motia.authoring.request import Request

EMPTY: Any = inspect.Parameter.empty
_SCALARS = (
    str,
    int,
    float,
    bool,
    bytes,
    complex,
    decimal.Decimal,
    uuid.UUID,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    enum.Enum,
)
_CONTEXT_NAMES = frozenset({"Context", "FlowContext"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One parameter of a function, its hint resolved and its marker taken out of it."""

    name: str
    annotation: Any
    """EMPTY without a hint, or with one that cannot be resolved."""
    default: Any
    """EMPTY when it must be given."""
    marker: Dependency | Parameter | None
    keyword_only: bool
    hint: str
    """The hint as text, where it was written as one."""

    @property
    def required(self) -> bool:
        return self.default is EMPTY

    @property
    def unresolved(self) -> bool:
        """There is a hint and nothing is known about it."""
        return bool(self.hint) and self.annotation is EMPTY


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The parameters of a function as binding needs them."""

    arguments: tuple[Argument, ...]
    any_positional: bool
    any_keyword: bool
    returns: Any
    """EMPTY without a hint."""


def read_signature(function: Callable[..., Any]) -> Signature:
    """The signature of any callable; one that cannot be inspected takes anything."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return Signature(arguments=(), any_positional=True, any_keyword=False, returns=EMPTY)
    hints = _Hints(function)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    return Signature(
        arguments=tuple(
            _argument(parameter, hints)
            for parameter in signature.parameters.values()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ),
        any_positional=inspect.Parameter.VAR_POSITIONAL in kinds,
        any_keyword=inspect.Parameter.VAR_KEYWORD in kinds,
        returns=hints.resolved(signature.return_annotation),
    )


def _argument(parameter: inspect.Parameter, hints: _Hints) -> Argument:
    annotation = hints.resolved(parameter.annotation)
    default = parameter.default
    marker: Dependency | Parameter | None = None
    if isinstance(default, Dependency | Parameter):
        marker = default
        default = EMPTY
        if isinstance(marker, Parameter) and marker.default is not REQUIRED:
            default = marker.default
    elif get_origin(annotation) is Annotated:
        found = [item for item in get_args(annotation)[1:] if isinstance(item, Dependency | Parameter)]
        if found:
            marker = found[0]
            if isinstance(marker, Parameter) and default is EMPTY and marker.default is not REQUIRED:
                default = marker.default
    if isinstance(marker, Parameter) and marker.limits and annotation is not EMPTY:
        annotation = Annotated[annotation, Field(**marker.limits)]
    return Argument(
        name=parameter.name,
        annotation=annotation,
        default=default,
        marker=marker,
        keyword_only=parameter.kind is parameter.KEYWORD_ONLY,
        hint=parameter.annotation if isinstance(parameter.annotation, str) else "",
    )


class _Hints:
    """Resolves annotations that are texts, each by itself: one that fails hides no other."""

    def __init__(self, function: Callable[..., Any]) -> None:
        function = inspect.unwrap(function)
        # A class is asked for its own `__init__`; that a subclass may have another does not matter here.
        target = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
        target = getattr(target, "func", target)
        if not hasattr(target, "__code__"):
            target = inspect.unwrap(type(target).__call__)
        module = sys.modules.get(getattr(target, "__module__", ""))
        self._globals: dict[str, Any] = getattr(target, "__globals__", None) or vars(module or typing)

    def resolved(self, annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            found = typing.get_type_hints(
                types.SimpleNamespace(__annotations__={"it": annotation}),
                globalns=self._globals,
                include_extras=True,
            )["it"]
        except Exception:
            # Names imported only for type checkers, and anything else that a hint's expression may raise: a
            # hint that cannot be read is as good as none.
            return EMPTY
        return found


def bare(annotation: Any) -> Any:
    """The hint without `Annotated` and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        others = [item for item in get_args(annotation) if item is not type(None)]
        if len(others) == 1:
            return bare(others[0])
    return annotation


def is_context(argument: Argument) -> bool:
    """Hinted as our `Context`, also where the hint is only there for type checkers."""
    annotation = bare(argument.annotation)
    if annotation is EMPTY:
        return argument.hint.strip("'\"").split("[")[0].rpartition(".")[2] in _CONTEXT_NAMES
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and kind.__name__ in _CONTEXT_NAMES and kind.__module__.startswith("motia.")


def is_request(argument: Argument) -> bool:
    """Hinted as our `Request`, under any of its names."""
    annotation = bare(argument.annotation)
    return (get_origin(annotation) or annotation) is Request


def is_object(annotation: Any) -> bool:
    """A type of JSON objects with known fields: model, dataclass, TypedDict, or a union of such."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return all(is_object(item) for item in get_args(annotation) if item is not type(None))
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type) or issubclass(kind, Payload):
        return False
    if typing.is_typeddict(kind):
        return True
    if dataclasses.is_dataclass(kind):
        return not kind.__module__.startswith("motia.authoring")
    return hasattr(kind, "__pydantic_validator__")


def is_open(annotation: Any) -> bool:
    """A dict of anything, or no hint at all."""
    annotation = bare(annotation)
    if annotation is EMPTY or annotation is Any or annotation is object:
        return True
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, Mapping) and not typing.is_typeddict(kind)


def is_scalar(annotation: Any) -> bool:
    """A type that one text of a query can hold."""
    annotation = bare(annotation)
    if get_origin(annotation) is Literal:
        return True
    if get_origin(annotation) in (Union, types.UnionType):
        return all(is_scalar(item) for item in get_args(annotation) if item is not type(None))
    return isinstance(annotation, type) and issubclass(annotation, _SCALARS)


def is_many(annotation: Any) -> bool:
    """A list, set or tuple."""
    annotation = bare(annotation)
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, list | set | frozenset | tuple)


def allows_none(annotation: Any) -> bool:
    """Whether the hint says that None will do."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)
