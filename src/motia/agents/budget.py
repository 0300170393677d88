"""What agents may spend together: counted in state, so that it holds over nodes, crashes and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from motia.agents.usage import Usage
from motia.authoring.context import Context
from motia.authoring.durations import Duration, seconds
from motia.core.wording import counted
from motia.errors import BudgetExceededError, ConflictError

SCOPE = "agent.budgets"
_KEPT = "90d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits for one agent, or for several that are given the same budget. None = no limit.

    `calls` counts every request to a model, repeated ones too, and is never passed. Tokens and money are
    known when an answer is there: what is under way when a limit is reached still counts, nothing begins
    after it. `time` runs from the first request, waits for people included. Two budgets of one run need
    different names. *Failure*: `BudgetExceededError` `agent.budget_exceeded`.
    """

    calls: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    time: Duration | None = None
    name: str = "budget"
    run_id: str | None = None
    """The run that keeps the count; None = the one that asks."""

    def of(self, run_id: str) -> Budget:
        """This budget as another run keeps it: for steps that an agent calls, and agents in them."""
        return replace(self, run_id=run_id)

    async def spent(self, ctx: Context) -> Usage:
        """What was spent so far."""
        return _usage(await ctx.state.get(SCOPE, self._key(ctx)) or {})

    async def take(self, ctx: Context) -> Left:
        """Count one request before it is sent; what it may use. Failure: nothing was counted."""
        key = self._key(ctx)
        if await ctx.state.get(SCOPE, key) is None:
            begun = {"started_ms": ctx._calls.now_ms(), **_empty()}
            try:
                await ctx.state.set(SCOPE, key, begun, ttl=_KEPT, if_version=0)
            except ConflictError as conflict:  # another agent of this budget was first
                if conflict.code != "state.version_conflict":
                    raise
        counted = await ctx.state.update(SCOPE, key, [_add("calls", 1)], ttl=_KEPT)
        now = counted["new_value"]
        exceeded = self._exceeded(now, ctx._calls.now_ms())
        if exceeded is not None:
            await ctx.state.update(SCOPE, key, [_add("calls", -1)], ttl=_KEPT)
            raise BudgetExceededError(
                f"{self.name}: expected to spend at most {exceeded}, got another request after that",
                code="agent.budget_exceeded",
                details={"budget": self.name, "spent": now},
                hint="raise the limit, or catch BudgetExceededError and end with what there is",
            )
        return Left(None if self.tokens is None else self.tokens - _usage(now).tokens, self._left_s(ctx, now))

    async def charge(self, ctx: Context, usage: Usage) -> None:
        """Count what an answer cost; its request was counted before."""
        used = [("input_tokens", usage.input_tokens), ("output_tokens", usage.output_tokens)]
        operations = [_add(name, by) for name, by in [*used, ("cost_usd", usage.cost_usd or 0.0)] if by]
        if operations:
            await ctx.state.update(SCOPE, self._key(ctx), operations, ttl=_KEPT)

    def _key(self, ctx: Context) -> str:
        return f"{self.run_id or ctx.run_id}/{self.name}"

    def _left_s(self, ctx: Context, now: Mapping[str, Any]) -> float | None:
        if self.time is None:
            return None
        spent_ms: int = ctx._calls.now_ms() - now["started_ms"]
        return seconds(self.time, "time") - spent_ms / 1000

    def _exceeded(self, now: Mapping[str, Any], now_ms: int) -> str | None:
        """The limit that was reached before the request that `now` counts already."""
        used = _usage(now)
        if self.calls is not None and used.calls > self.calls:
            return counted(self.calls, "call")
        if self.tokens is not None and used.tokens >= self.tokens:
            return counted(self.tokens, "token")
        if self.cost_usd is not None and (used.cost_usd or 0.0) >= self.cost_usd:
            return f"{self.cost_usd:g} USD"
        if self.time is not None and now_ms - now["started_ms"] >= seconds(self.time, "time") * 1000:
            return f"{seconds(self.time, 'time'):g} s"
        return None


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a budget; None = no limit."""

    tokens: int | None = None
    time_s: float | None = None


def _empty() -> dict[str, Any]:
    return {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}


def _usage(counted: Mapping[str, Any]) -> Usage:
    return Usage(**{name: counted.get(name, nothing) for name, nothing in _empty().items()})


def _add(name: str, by: float) -> dict[str, Any]:
    return {"type": "increment", "path": name, "by": by}
