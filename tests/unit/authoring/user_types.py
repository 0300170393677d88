"""What a type checker knows of a user's steps; `make check` reads this file, nothing runs it."""

from __future__ import annotations

from typing import Any, assert_type

from motia import Context, FlowContext, StateManager, http, queue, state, state_manager, step
from motia.authoring.state import Entry
from motia.authoring.steps import StepBuilder, StepDefinition


@step(
    http("GET", "/one/:id", condition=lambda request: request.method == "GET"),
    queue("one", retry=lambda error, attempt: None),
    state("ones", condition=lambda change, ctx: ctx.attempt == 1),
)
async def one(id: str, ctx: Context) -> int:
    assert_type(await ctx.enqueue("two", {"id": id}), str)
    assert_type(await ctx.enqueue({"topic": "two", "data": id}), str)
    assert_type(await ctx.emit([{"topic": "two", "data": id}]), list[str])
    assert_type(await ctx.trigger_step("two"), str)
    assert_type(await ctx.state.entries("ones"), dict[str, Any])
    assert_type(await state_manager.list("ones"), list[Any])
    assert_type(await ctx.state.list_groups(), list[str])
    assert_type(await ctx.state.entry("ones", id), Entry)
    assert_type(await ctx.state.compare_and_set("ones", id, None, 1), bool)
    assert_type(await ctx.streams.chat.get_group("ones"), list[Any])
    ctx.logger.warn("seen", {"id": id}, attempt=ctx.attempt)
    return 1


@step(queue("two"))
def two(id: str, ctx: Any) -> str:
    """A `def` handler's calls give values, which `Any` allows."""
    return str(ctx.state.get("ones", id)["name"])


async def of_motia_1(input: Any, ctx: FlowContext[Any], plain: FlowContext) -> None:
    manager: StateManager = ctx.state
    assert_type(await manager.list_groups(), list[str])
    assert_type(await one("1", ctx), int)
    assert_type(await plain.enqueue({"topic": "two", "data": input}), str)


async def called_as_the_functions_they_are(ctx: Context) -> None:
    assert_type(await one("1", ctx), int)
    assert_type(two("1", ctx), str)
    assert_type(step({"name": "three"}), StepBuilder)
    assert_type(step({"name": "three"}, two), StepDefinition)
