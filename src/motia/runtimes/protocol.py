"""What a runtime of any language offers to discovery and to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from motia.core.calls import Calls
from motia.core.invocation import Invocation, Outcome
from motia.core.registry import Registry
from motia.core.trigger import FunctionId
from motia.errors import DefinitionError, InputError, MotiaError

CONTEXT: Final = object()
"""Among the arguments of `Runtime.call`: the context of the call."""


def is_callers_business(refusal: InputError) -> bool:
    """Whether who called a step may read what a call of its context was refused with. What is stored, and how
    the handler changes it, is nothing that a caller sent."""
    return refusal.code != "state.bad_update"


@dataclass(slots=True, kw_only=True)
class Definition:
    """One step or stream as its file declares it, in any of the three dialects, not yet normalised.

    `stream_auth` is the function of a `motia.config` file that says who follows streams: `handler`.

    `config` is JSON-able: a function stands as `{"$function": FunctionId}`, a schema (Pydantic class, type
    map, Zod object, JSON Schema) as its JSON Schema of the *input* side.
    """

    kind: Literal["step", "stream", "stream_auth"]
    path: str
    """Relative to the project root, with forward slashes."""
    line: int
    """Of the config (or decorator)."""
    language: str
    config: Mapping[str, Any]
    handler: FunctionId | None = None
    handler_line: int | None = None


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What a set of files declares, and every problem met on the way. A broken file hides no good one."""

    definitions: list[Definition] = field(default_factory=list)
    problems: list[DefinitionError] = field(default_factory=list)


class Runtime(Protocol):
    """Loads step files of one language and runs their functions."""

    language: str

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        """Read the files. Failure: problems are returned, never raised."""
        ...

    def prepare(self, registry: Registry) -> Sequence[MotiaError]:
        """Make ready to run the steps of this language; gives what cannot run."""
        ...

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        """Run a handler to its end, and wait for the writes it began.

        *Failure*: never raises for what the author's code does. *Cancellation*: when the task is cancelled
        and `calls.stop_reason` is set, the outcome is `TimedOut`, `Cancelled` or `Released`; otherwise it
        propagates.
        """
        ...

    async def call(self, function: FunctionId, arguments: Sequence[Any], calls: Calls) -> Any:
        """What a function that is no handler returns: `streamAuth`, `canAccess`, `onJoin`, `onLeave`.

        `arguments` are JSON values, and `CONTEXT` where the context goes; a function that takes fewer gets
        the first ones. *Failure*: raises what the function raises. *Cancellation*: interrupts it.
        """
        ...

    @property
    def unready(self) -> str | None:
        """Why some of its steps cannot run now; None while all can."""
        ...

    @property
    def worn(self) -> str | None:
        """Why the process should be replaced; None while all is well."""
        ...

    def close(self) -> None:
        """Let go of threads and processes."""
        ...
