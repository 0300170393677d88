"""Writes to the stream, as often as asked."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from motia import Context, http, step

_AT_ONCE = 10


@step(http("POST", "/feed"))
async def feed(body: dict[str, Any], ctx: Context) -> dict[str, int]:
    count, group, text = body["count"], body.get("group", "all"), "x" * body.get("text_bytes", 64)

    async def write(share: int) -> None:
        for _ in range(share):
            await ctx.streams.feed.set(group, "1", {"text": text, "sent_ns": time.time_ns()})

    await asyncio.gather(*(write(count // _AT_ONCE) for _ in range(_AT_ONCE)))
    await write(count % _AT_ONCE)
    return {"count": count}
