"""One request to a model, as a workflow's step does it: budgeted, streamed, priced, traced."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelQuotaExceededError,
    ModelRequestRejectedError,
    UserError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from motia.agents.budget import Budget, Left
from motia.agents.pricing import has_listed_price, usage_of
from motia.agents.usage import Price, Usage
from motia.authoring.context import Context
from motia.authoring.stream_writer import StreamWriter
from motia.core.calls import Part
from motia.errors import AgentError, BudgetExceededError, MotiaError

_LONGEST_WAIT_S = 3600.0
"""A provider may ask for more; then the next attempt asks it again."""
_CHARS_A_TOKEN = 3
_FEWEST_TOKENS = 16
"""Less than this cannot be asked for of every provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a model, and what it may cost. `send` may be called again after a failure."""

    agent: str
    model: Model
    messages: Sequence[ModelMessage]
    parameters: ModelRequestParameters
    settings: Mapping[str, Any]
    price: Price | None
    budget: Budget | None
    writer: StreamWriter | None
    told: str
    """What the writer's text was before this answer."""

    async def send(self, ctx: Context) -> Any:
        """The answer as JSON. Failure: `BudgetExceededError`, `AgentError` `agent.model_failed`."""
        self._expect_price()
        left = Left() if self.budget is None else await self.budget.take(ctx)
        started_at_ms = ctx._calls.now_ms()
        try:
            async with asyncio.timeout(left.time_s):
                answer = await self._answer(left)
        except Exception as raised:
            failure = self._failure(raised, left)
            self._tell(ctx, started_at_ms, self._attributes(), failure)
            raise failure from raised
        if answer.usage.unmeasured_requests:
            answer.usage = _estimated(self.messages, answer)
            ctx.logger.warning(f"model {self.model.model_name} does not say what it used: estimated")
        used = usage_of(answer, self.price)
        self._tell(ctx, started_at_ms, {**self._attributes(), **_attributes_of(answer, used)})
        if self.budget is not None:
            await self.budget.charge(ctx, used)
        return ModelMessagesTypeAdapter.dump_python([answer], mode="json", exclude_none=True)[0]

    async def _answer(self, left: Left) -> ModelResponse:
        settings = cast("ModelSettings", {"max_retries": 0, **self.settings})
        if left.tokens is not None:
            # Of one answer; what it is asked with counts, too, but is known only afterwards.
            most = max(left.tokens, _FEWEST_TOKENS)
            settings["max_tokens"] = min(settings.get("max_tokens", most), most)
        if self.writer is None:
            return await model_request(
                self.model,
                self.messages,
                model_settings=settings,
                model_request_parameters=self.parameters,
            )
        if self.writer.text != self.told:
            await self.writer.set(self.told)  # an attempt before this one was cut off
        async with model_request_stream(
            self.model, self.messages, model_settings=settings, model_request_parameters=self.parameters
        ) as stream:
            async for event in stream:
                if piece := _text_of(event):
                    await self.writer.append(piece)
        answer = stream.get()
        if answer.state != "complete" or _breaks_off(answer):
            raise ConnectionError("the answer ended early")
        return answer

    def _failure(self, raised: Exception, left: Left) -> MotiaError:
        """What a failure means: the author's, the budget's, or one that another attempt may mend."""
        if isinstance(raised, MotiaError):
            return raised
        name = self.model.model_name
        if isinstance(raised, TimeoutError) and left.time_s is not None:
            return BudgetExceededError(
                f"{self.budget.name if self.budget else name}: expected an answer within"
                f" {left.time_s:g} s, which were left, got none",
                code="agent.budget_exceeded",
                hint="raise the limit of time, or catch BudgetExceededError and end with what there is",
            )
        hopeless = isinstance(raised, ModelRequestRejectedError | ModelQuotaExceededError | UserError)
        transient = isinstance(raised, AgentRunError | OSError | TimeoutError)
        failure = AgentError(
            f"model {name}: expected an answer, got {type(raised).__name__}: {raised}",
            code="agent.model_failed",
            hint="see the provider's message; keys are read from the environment",
            retryable=transient and not hopeless,
        )
        if isinstance(raised, ModelAPIError) and raised.retry_after:
            failure.retry_after_s = min(raised.retry_after, _LONGEST_WAIT_S)
        return failure

    def _expect_price(self) -> None:
        """A limit of money that nobody can count is none."""
        if self.budget is None or self.budget.cost_usd is None or self.price is not None:
            return
        if not has_listed_price(self.model.model_name, self.model.system):
            raise AgentError(
                f"agent {self.agent}: expected a price for {self.model.model_name}, as its budget limits"
                " money, got none",
                code="agent.price_unknown",
                hint="give the agent price=Price(input_usd=…, output_usd=…), for a million tokens",
            )

    def _attributes(self) -> dict[str, Any]:
        """By the conventions of OpenTelemetry for generative AI."""
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.agent.name": self.agent,
            "gen_ai.provider.name": self.model.system,
            "gen_ai.request.model": self.model.model_name,
        }

    def _tell(
        self,
        ctx: Context,
        started_at_ms: int,
        attributes: dict[str, Any],
        error: Exception | None = None,
    ) -> None:
        ctx._calls.tell_part(
            Part(
                kind="model",
                name=f"chat {self.model.model_name}",
                started_at_ms=started_at_ms,
                ended_at_ms=ctx._calls.now_ms(),
                attributes=attributes,
                error=error,
            )
        )


def _attributes_of(answer: ModelResponse, used: Usage) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.usage.input_tokens": used.input_tokens,
        "gen_ai.usage.output_tokens": used.output_tokens,
    }
    if answer.model_name:
        attributes["gen_ai.response.model"] = answer.model_name
    if answer.finish_reason:
        attributes["gen_ai.response.finish_reasons"] = [answer.finish_reason]
    if used.cost_usd is not None:
        attributes["operation.cost"] = used.cost_usd  # USD; the name that pydantic-ai gives it
    return attributes


def _breaks_off(answer: ModelResponse) -> bool:
    """A provider's stream ended in good order, but said neither why nor what it cost."""
    said_why = "finish_reason" in (answer.provider_details or {})
    return bool(answer.usage.unmeasured_requests) and not said_why


def _estimated(messages: Sequence[ModelMessage], answer: ModelResponse) -> RequestUsage:
    """A guess at what a provider does not tell, on the high side: a budget has to count something."""
    asked, answered = (len(ModelMessagesTypeAdapter.dump_json(list(said))) for said in (messages, [answer]))
    return RequestUsage(input_tokens=asked // _CHARS_A_TOKEN, output_tokens=answered // _CHARS_A_TOKEN)


def _text_of(event: Any) -> str:
    """The piece of the answer's text that an event of a stream brings, if any."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""
