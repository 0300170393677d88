"""Forms of Motia 1.x that real applications use, in one project."""

from __future__ import annotations

import asyncio
from pathlib import Path

from motia.testing import TestApp

STEPS = """
from typing import Any
from motia import ApiResponse, Stream, cron, http, stateManager, stream

todos: Stream[dict[str, Any]] = Stream("todos")

config = {"name": "Todos", "triggers": [http("GET", "/todos"), cron("0 0 1 1 *"), stream("todos")]}

def handler(input, ctx):
    def listed(request):
        todos.set("all", "1", {"title": "a"})
        return ApiResponse(status=200, body={"count": len(todos.get_group("all"))})

    def changed(change):
        stateManager.set("seen", change.event.type, change.event["data"]["title"])

    async def ticked():
        stateManager.set("seen", "tick", True)

    return ctx.match({"http": listed, "cron": ticked, "stream": changed})
"""


def test_branches_streams_by_name_and_events_as_objects(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "todos_step.py").write_text(STEPS)

    async def scenario() -> None:
        async with TestApp(tmp_path) as app:
            assert (await app.http.get("/todos")).json() == {"count": 1}
            await app.run_cron("Todos")
            await app.until_idle()
            assert await app.state.entries("seen") == {"create": "a", "tick": True}

    asyncio.run(scenario())
