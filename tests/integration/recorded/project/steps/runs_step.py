"""Workflows whose journals are recorded with each release. Do not change what is here: add to it."""

from __future__ import annotations

import os
from typing import Any

from motia import Context, queue, step

done: list[str] = []


async def work(name: str) -> str:
    done.append(name)
    return name.upper()


async def shaky() -> str:
    if "RECORDING_JOURNALS" in os.environ:
        raise ValueError("down")
    return await work("shaky")


async def undo(result: str) -> None:
    done.append(f"undo {result}")


async def refuse() -> None:
    raise ValueError("no")


@step(queue("sleeps"))
async def sleeps(input: dict[str, Any], ctx: Context) -> list[Any]:
    first = await ctx.step("first", work, "first", version=2)
    await ctx.sleep("1h")
    return [
        first,
        await ctx.step("second", work, "second"),
        await ctx.step("first", work, "again", version=2),
    ]


@step(queue("signalled"))
async def signalled(input: dict[str, Any], ctx: Context) -> list[Any]:
    first = await ctx.step("first", work, "before")
    return [first, await ctx.wait_for_signal("go", timeout="30d")]


@step(queue("waits"))
async def waits(input: dict[str, Any], ctx: Context) -> Any:
    return await ctx.wait_for("paid", match={"order": input["order"]})


@step(queue("calls"))
async def calls(input: dict[str, Any], ctx: Context) -> list[Any]:
    return [await ctx.call("sleeps", {}), await ctx.step("after", work, "after")]


@step(queue("pairs"))
async def pairs(input: dict[str, Any], ctx: Context) -> list[Any]:
    both = await ctx.gather(*(ctx.step("pack", work, item, key=item) for item in ("x", "y")))
    await ctx.sleep("1h")
    return [*both, await ctx.step("pack", work, "z", key="z")]


@step(queue("retries"))
async def retries(input: dict[str, Any], ctx: Context) -> Any:
    return await ctx.step("shaky", shaky, retries=5, delay="1h")


@step(queue("undoes", retries=0))
async def undoes(input: dict[str, Any], ctx: Context) -> None:
    await ctx.step("reserve", work, "reserve", undo=undo)
    await ctx.step("charge", work, "charge", undo=undo)
    await ctx.sleep("1h")
    await ctx.step("refuse", refuse)
