"""Calling what an agent may call: steps of the project, and functions of Python."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired

from pydantic import TypeAdapter
from pydantic_ai.tools import ToolDefinition
from typing_extensions import TypedDict

from motia import encoding
from motia.agents.tool import Tool
from motia.authoring.context import Context
from motia.core.calls import Part
from motia.core.step import Step
from motia.core.trigger import HttpTrigger, QueueTrigger
from motia.errors import AgentError, BackendError, MotiaError, WorkflowError
from motia.schemas.schema import Schema
from motia.schemas.typed import TypeReader

MAX_RESULT_BYTES = 256 * 1024
"""Of one result: more than a model can read, and a run's journal has to keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a call of a tool ended: its value, or why it has none, for the model to read."""

    value: Any = None
    failure: str | None = None


class StepTool:
    """A step, called as a message of its own, in any language, with its own retries."""

    def __init__(self, tool: Tool, ctx: Context) -> None:
        """Failure: `AgentError` `agent.unknown_tool`, `agent.bad_tool`."""
        step = ctx._calls.step_named(str(tool.target))
        if step is None or step.handler is None:
            raise AgentError(
                f"tool {tool.target!r}: expected the name of a step with a handler, got none of that name",
                code="agent.unknown_tool",
                hint="`motia steps` shows the names; functions are given as they are, not by name",
            )
        schema = _input_schema(step)
        self._schema = schema if isinstance(schema, Schema) else Schema(schema, source=schema)
        if self._schema.json_schema.get("type", "object") != "object":
            raise AgentError(
                f"tool {step.name!r}: expected a step whose input is an object, got"
                f" {self._schema.json_schema['type']!r}",
                code="agent.bad_tool",
                hint="give its queue trigger a schema with named fields",
            )
        self._step = step.name
        self.tool = tool
        self.definition = ToolDefinition(
            name=tool.name,
            description=tool.description or step.description or None,
            parameters_json_schema=dict(self._schema.json_schema),
        )

    def read(self, arguments: dict[str, Any]) -> Any:
        """The arguments, validated. Failure: `InputError` `input.invalid`."""
        self._schema.validate(arguments, "arguments")
        return arguments

    async def call(self, ctx: Context, arguments: Any, *, label: str, key: str) -> Result:
        try:
            value = await ctx.call(self._step, arguments, key=f"{label} {key}")
        except WorkflowError as error:
            if error.code != "workflow.call_failed":
                raise
            told = error.details["error"]
            return Result(failure=f"{told.get('type', 'Error')}: {told.get('message', '')}")
        return _fitting(value)


class FunctionTool:
    """A function, called within the run; what it gives is kept like a step's result. One serves all runs:
    to make its schema costs as much as all else that a run does."""

    def __init__(self, tool: Tool) -> None:
        assert callable(tool.target)
        self._function = tool.target
        self._context_name, arguments = _arguments_of(self._function)
        self._reader = TypeReader(arguments)
        self.tool = tool
        self.definition = ToolDefinition(
            name=tool.name,
            description=tool.description or inspect.getdoc(self._function),
            parameters_json_schema=TypeAdapter(arguments).json_schema(),
        )

    def read(self, arguments: dict[str, Any]) -> Any:
        """The arguments by name, converted. Failure: `InputError` `input.invalid`."""
        return self._reader.from_value(arguments, "arguments")

    async def call(self, ctx: Context, arguments: Any, *, label: str, key: str) -> Result:
        async def work() -> Any:
            result = await self._run(ctx, arguments)
            return {"value": result.value, "failure": result.failure}

        return Result(**await ctx.step(f"{label} {self.tool.name}", work, key=key))

    async def _run(self, ctx: Context, arguments: Mapping[str, Any]) -> Result:
        given = {**arguments, self._context_name: ctx} if self._context_name else arguments
        started_at_ms = ctx._calls.now_ms()
        failure: Exception | None = None
        try:
            if inspect.iscoroutinefunction(self._function):
                value = await self._function(**given)
            else:
                value = await asyncio.to_thread(self._function, **given)
            return _fitting(value)
        except BackendError:
            raise  # storage, or another attempt that has begun: nothing that a model could mend
        except Exception as error:
            failure = error
            message = error.message if isinstance(error, MotiaError) else str(error)
            ctx.logger.warning(f"tool {self.tool.name} failed: {message}", exc_info=error)
            return Result(failure=f"{type(error).__name__}: {message}")
        finally:
            ctx._calls.tell_part(
                Part(
                    kind="tool",
                    name=f"execute_tool {self.tool.name}",
                    started_at_ms=started_at_ms,
                    ended_at_ms=ctx._calls.now_ms(),
                    attributes={
                        "gen_ai.operation.name": "execute_tool",
                        "gen_ai.tool.name": self.tool.name,
                        "gen_ai.tool.type": "function",
                    },
                    error=failure,
                )
            )


def _input_schema(step: Step) -> Mapping[str, Any]:
    """Of what a message to the step may hold: its first queue trigger's, else the body of its route."""
    for trigger in step.triggers:
        if isinstance(trigger, QueueTrigger) and trigger.schema:
            return trigger.schema
    for trigger in step.triggers:
        if isinstance(trigger, HttpTrigger) and trigger.body_schema:
            return trigger.body_schema
    return {"type": "object", "properties": {}}


def _arguments_of(function: Callable[..., Any]) -> tuple[str, Any]:
    """The name of the parameter that takes the context, or "", and the others as a type."""
    hints = typing.get_type_hints(function, include_extras=True)
    context, fields = "", {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name, Any)
        if hint is Context or (hint is Any and parameter.name == "ctx"):
            context = parameter.name
        else:
            fields[parameter.name] = hint if parameter.default is parameter.empty else NotRequired[hint]
    return context, TypedDict(function.__name__, fields)  # type: ignore[operator]  # made at run time


def _fitting(value: Any) -> Result:
    size = len(encoding.encode(value))
    if size > MAX_RESULT_BYTES:
        return Result(failure=f"the result is too large: {size} bytes, at most {MAX_RESULT_BYTES} fit")
    return Result(value=value)
