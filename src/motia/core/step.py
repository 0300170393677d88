"""A step as data: what discovery found in a file, whatever dialect or language it was written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from motia.core.trigger import FunctionId, JsonSchema, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where something is defined, for error messages and the console."""

    path: str
    """Relative to the project root, with forward slashes."""
    line: int
    language: str = "python"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """A topic that a step says it enqueues to; drawn in the console, never enforced."""

    topic: str
    label: str = ""
    conditional: bool = False
    virtual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of a user's backend. Data only: its functions live in the runtime of its language."""

    name: str
    """Unique in the project. The `id` of the function dialects, the `name` of the others."""
    source: Source
    triggers: tuple[Trigger, ...] = ()
    """In the order written. Without any, a step runs by hand if it has a handler."""
    handler: FunctionId | None = None
    description: str = ""
    emissions: tuple[Emission, ...] = ()
    virtual_subscribes: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    include_files: tuple[str, ...] = ()
    dialect: Literal["triggers", "type", "function"] = "triggers"
    """How the config was written: it decides what a handler's parameters mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDefinition:
    """A realtime stream as data. The same name declared in several languages is one stream."""

    name: str
    source: Source
    description: str = ""
    schema: JsonSchema | None = None
    join_roles: frozenset[str] | None = None
    """`access.join`: who may follow it; None = whom the functions let in, everybody without any."""
    can_access: FunctionId | None = None
    on_join: FunctionId | None = None
    on_leave: FunctionId | None = None
    sources: tuple[Source, ...] = field(default=())
