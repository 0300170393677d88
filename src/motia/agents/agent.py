"""An agent: a model, what it is told, and what it may do. A run of it is a part of a workflow."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

from pydantic_ai.models import Model, infer_model

from motia.agents.answer import TypedAnswer
from motia.agents.budget import Budget
from motia.agents.result import AgentResult, History, Output
from motia.agents.run import AgentRun
from motia.agents.tool import Tool
from motia.agents.tools import FunctionTool
from motia.agents.usage import Price
from motia.authoring.context import Context
from motia.authoring.durations import Duration, seconds
from motia.authoring.stream_writer import StreamWriter
from motia.errors import AgentError


class Agent(Generic[Output]):
    """A model that calls tools until it has an answer. Made once, beside the steps; holds no state.

    `model` is a model of pydantic-ai, its name ("openai:gpt-5-mini", the key comes from the environment),
    or a function that gives one when it is first needed. `tools` are names of steps, functions, and `Tool`.
    With `output`, a Pydantic model or another type, the answer is one of those. `settings` go to the model
    (`temperature`, `max_tokens` …). A request is repeated `retries` times, after `timeout` too; a tool may
    fail `tool_failures` times, malformed arguments included; `turns` are the answers a run may take.
    """

    def __init__(
        self,
        name: str,
        model: Model | str | Callable[[], Model],
        *,
        instructions: str | None = None,
        tools: Sequence[str | Callable[..., Any] | Tool] = (),
        output: type[Output] | None = None,
        settings: Mapping[str, Any] | None = None,
        price: Price | None = None,
        retries: int = 4,
        timeout: Duration = "2m",
        tool_failures: int = 3,
        turns: int = 20,
    ) -> None:
        self.name = name
        self.instructions = instructions
        self.tools = tuple(tool if isinstance(tool, Tool) else Tool(tool) for tool in tools)
        self.output = output
        self.settings = dict(settings or {})
        self.price = price
        self.retries = retries
        self.timeout_s = seconds(timeout, "timeout")
        self.tool_failures = tool_failures
        self.turns = turns
        self._model: Model | None = model if isinstance(model, Model) else None
        self._given_model: Any = model
        if isinstance(model, str):
            # Now, and not in a handler: a provider's package may take a second to import. What is wrong with
            # the model, a missing key above all, is the failure of who asks it.
            with contextlib.suppress(AgentError):
                self._made_model()
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError(f"agent {name}: expected tools of different names, got {', '.join(names)}")

    async def run(
        self,
        ctx: Context,
        prompt: str,
        *,
        key: str | None = None,
        budget: Budget | None = None,
        stream: StreamWriter | None = None,
        history: History = (),
    ) -> AgentResult[Output]:
        """Work on `prompt` until there is an answer, in a handler that a queue drives.

        Each request to the model and each call of a tool is a step of the workflow: done once, whatever
        happens to the process between two of them. Runs of one agent at the same time need a `key`. The
        answer's text goes into `stream` as it comes. *Failure*: `BudgetExceededError`; `AgentError`
        `agent.model_failed`, `agent.tool_failed`, `agent.too_many_turns`.
        """
        run = AgentRun(self, ctx, self._made_model(), key=key, budget=budget, writer=stream)
        return await run.answer(prompt, history)

    @functools.cached_property
    def functions(self) -> Mapping[str, FunctionTool]:
        """Those of its tools that are functions, by name."""
        return {tool.name: FunctionTool(tool) for tool in self.tools if callable(tool.target)}

    @functools.cached_property
    def answer(self) -> TypedAnswer | None:
        """How the model gives an answer of a type; None where the answer is text."""
        return None if self.output is None else TypedAnswer(self.output)

    def _made_model(self) -> Model:
        """Failure: `AgentError` `agent.bad_model`."""
        if self._model is None:
            given = self._given_model
            try:
                self._model = infer_model(given) if isinstance(given, str) else given()
            except Exception as error:
                raise AgentError(
                    f"agent {self.name}: expected a model, got {type(error).__name__}: {error}",
                    code="agent.bad_model",
                    hint="install the provider's package and set its key, such as OPENAI_API_KEY",
                ) from error
        return self._model
