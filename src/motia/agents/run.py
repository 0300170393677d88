"""A run of an agent: ask the model, do what it asks for, until it answers. Each of these is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters

from motia.agents.answer import ANSWER
from motia.agents.approval import ask_person
from motia.agents.budget import Budget
from motia.agents.pricing import usage_of
from motia.agents.request import Request
from motia.agents.result import AgentResult
from motia.agents.tools import StepTool
from motia.agents.usage import Usage
from motia.authoring.context import Context
from motia.authoring.stream_writer import StreamWriter
from motia.core.wording import counted
from motia.errors import AgentError, BudgetExceededError, InputError, WorkflowError

if TYPE_CHECKING:
    from motia.agents.agent import Agent


class AgentRun:
    """From one prompt to one answer. After a crash or a wait it begins anew, with what it remembers."""

    def __init__(
        self,
        agent: Agent[Any],
        ctx: Context,
        model: Model,
        *,
        key: str | None,
        budget: Budget | None,
        writer: StreamWriter | None,
    ) -> None:
        self._agent = agent
        self._ctx = ctx
        self._model = model
        self._budget = budget
        self._writer = writer
        self._label = agent.name if key is None else f"{agent.name} {key}"
        self._tools = {
            tool.name: agent.functions.get(tool.name) or StepTool(tool, ctx) for tool in agent.tools
        }
        self._parameters = self._request_parameters()
        self._failures: Counter[str] = Counter()
        self._told = ""
        """What the writer's text is when the model begins to answer."""

    async def answer(self, prompt: str, history: Sequence[Mapping[str, Any]]) -> AgentResult[Any]:
        earlier = ModelMessagesTypeAdapter.validate_python(list(history))
        messages = [*earlier, self._saying(UserPromptPart(prompt))]
        used = Usage()
        for turn in range(1, self._agent.turns + 1):
            response = await self._ask(messages)
            messages.append(response)
            used += usage_of(response, self._agent.price)
            answers = await self._answers_to(turn, response)
            if not isinstance(answers, list):
                return AgentResult(answers.value, used, messages)
            messages.append(self._saying(*answers))
        raise AgentError(
            f"agent {self._label}: expected an answer within {self._agent.turns} turns, got none",
            code="agent.too_many_turns",
            hint="give it more turns=, or tools and instructions with which it ends sooner",
        )

    # The model --------------------------------------------------------------------------------------

    async def _ask(self, messages: Sequence[ModelMessage]) -> ModelResponse:
        """The model's answer: as it was kept, or asked for now."""
        request = Request(
            agent=self._agent.name,
            model=self._model,
            messages=messages,
            parameters=self._parameters,
            settings=self._agent.settings,
            price=self._agent.price,
            budget=self._budget,
            writer=self._writer,
            told=self._told,
        )

        async def send() -> Any:
            return await request.send(self._ctx)

        try:
            kept = await self._ctx.step(
                f"{self._label} model", send, retries=self._agent.retries, timeout=self._agent.timeout_s
            )
        except WorkflowError as error:
            if (failure := _failure_of_request(error)) is None:
                raise
            raise failure from error
        (response,) = ModelMessagesTypeAdapter.validate_python([kept])
        assert isinstance(response, ModelResponse)
        await self._show(response.text or "")
        return response

    async def _show(self, text: str) -> None:
        """See that the writer has the text, whoever wrote which part of it in which attempt."""
        if self._writer is None:
            return
        whole = self._told + text
        if self._writer.text != whole:
            await self._writer.set(whole)
        self._told = f"{whole}\n\n" if text else whole

    def _request_parameters(self) -> ModelRequestParameters:
        tools = [tool.definition for tool in self._tools.values()]
        answer = self._agent.answer
        if answer is None:
            return ModelRequestParameters(function_tools=tools)
        return ModelRequestParameters(
            function_tools=tools,
            output_mode="tool",
            output_tools=[answer.definition],
            allow_text_output=False,
        )

    def _saying(self, *parts: ModelRequestPart) -> ModelRequest:
        return ModelRequest(parts=list(parts), instructions=self._agent.instructions)

    # Its wishes -------------------------------------------------------------------------------------

    async def _answers_to(self, turn: int, response: ModelResponse) -> list[ModelRequestPart] | _Final:
        """What is said to the model next; or the end."""
        typed = self._agent.answer
        if not response.tool_calls:
            if typed is None and response.text:
                return _Final(response.text)
            self._count_failure(ANSWER, f"no answer, {response.finish_reason or 'without a reason'}")
            return [UserPromptPart(_WITHOUT_ANSWER if typed is None else _ANSWER_BY_TOOL)]
        calls = [(call, f"{turn}.{number}") for number, call in enumerate(response.tool_calls, 1)]
        refused: list[ModelRequestPart] = []
        for call, _ in calls:
            if call.tool_name == ANSWER and typed is not None:
                try:
                    return _Final(typed.read(_arguments(call)))
                except InputError as error:
                    refused.append(self._refused(call, error))
        wanted = [(call, key) for call, key in calls if call.tool_name != ANSWER or typed is None]
        given = await self._ctx.gather(*(self._called(call, key) for call, key in wanted))
        for answer in given:
            if answer.outcome == "failed":
                self._count_failure(answer.tool_name, str(answer.content))
        return [*refused, *given]

    async def _called(self, call: ToolCallPart, key: str) -> ToolReturnPart:
        """What a call of a tool gave, as the model reads it."""
        tool = self._tools.get(call.tool_name)
        if tool is None:
            names = ", ".join(self._tools) or "none"
            return _said(call, f"there is no tool {call.tool_name}; there are: {names}", "failed")
        try:
            arguments = tool.read(_arguments(call))
        except InputError as error:
            return self._refused(call, error)
        if tool.tool.approval:
            decision = await ask_person(self._ctx, tool.tool, arguments, label=self._label, key=key)
            if not decision.approved:
                reason = decision.reason or "no reason given"
                return _said(call, f"a person refused this call: {reason}", "denied")
        result = await tool.call(self._ctx, arguments, label=self._label, key=key)
        if result.failure is not None:
            return _said(call, result.failure, "failed")
        return _said(call, result.value, "success")

    def _refused(self, call: ToolCallPart, error: InputError) -> ToolReturnPart:
        self._ctx.logger.warning(f"agent {self._label}: malformed call of {call.tool_name}: {error.message}")
        problems = [f"{one['path']}: {one['message']}" for one in error.details.get("errors", ())]
        return _said(call, f"these arguments do not fit: {'; '.join(problems) or error.message}", "failed")

    def _count_failure(self, tool: str, what: str) -> None:
        self._failures[tool] += 1
        if self._failures[tool] > self._agent.tool_failures:
            raise AgentError(
                f"agent {self._label}: expected {tool} to fail at most"
                f" {counted(self._agent.tool_failures, 'time')}, got one more: {what}",
                code="agent.tool_failed",
                details={"tool": tool},
                hint="mend the tool or its description, or allow more with tool_failures=",
            )


class _Final:
    """The answer that ends a run."""

    def __init__(self, value: Any) -> None:
        self.value = value


_WITHOUT_ANSWER = "Your last message was empty. Call a tool, or answer."
_ANSWER_BY_TOOL = f"Give your answer by calling the tool {ANSWER}."


def _arguments(call: ToolCallPart) -> dict[str, Any]:
    """Failure: `InputError` `json.malformed`."""
    try:
        return call.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError) as error:
        raise InputError(f"arguments: expected a JSON object, got {error}", code="json.malformed") from error


def _said(call: ToolCallPart, content: Any, outcome: Any) -> ToolReturnPart:
    return ToolReturnPart(call.tool_name, content, call.tool_call_id, outcome=outcome)


def _failure_of_request(error: WorkflowError) -> AgentError | None:
    """A request's failure as the agent's own, from what the journal kept of it; None = it is another's."""
    told = error.details.get("error", {}) if error.code == "workflow.step_failed" else {}
    code = str(told.get("code", ""))
    if code == "agent.budget_exceeded":
        return BudgetExceededError(told["message"], code=code)
    return AgentError(told["message"], code=code) if code.startswith("agent.") else None
