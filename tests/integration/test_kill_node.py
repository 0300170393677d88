"""Bullets to the head of a node, and of the whole system: nothing that was accepted is lost."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
from real_process import Project, Running, eventually, run

COUNT = 1000
LOAD = """
config = {"name": "Load", "triggers": [http("POST", "/load")]}
async def handler(request, ctx):
    await asyncio.gather(*[ctx.enqueue("work", {"id": number}) for number in range(request.body["count"])])
    return {"status": 202, "body": None}
"""
WORK = """
import os
config = {"name": "Work", "triggers": [queue("work")]}
async def handler(input, ctx):
    with open("runs.txt", "a") as file:
        file.write(f"{input['id']} {os.getpid()}\\n")
    # Slow until the last kill, so that it finds something left however late it comes.
    await asyncio.sleep(0 if os.path.exists("fast") else 0.1)
    await ctx.state.increment("done", str(input["id"]))
"""
PROGRESS = """
config = {"name": "Progress", "triggers": [http("GET", "/progress")]}
async def handler(request, ctx):
    return {"done": len(await ctx.state.entries("done"))}
"""


async def done_at_least(running: Running, base: str, count: int) -> int:
    async with httpx.AsyncClient() as client:

        async def look() -> int | None:
            try:
                found: int = (await client.get(f"{base}/progress")).json()["done"]
            except (httpx.TransportError, KeyError):
                return None
            return found if found >= count else None

        return await eventually(look, 60, lambda: running.text)


def test_a_thousand_messages_survive_the_death_of_the_node_and_of_everything(real_project: Project) -> None:
    for name, source in (("load", LOAD), ("work", WORK), ("progress", PROGRESS)):
        real_project.step(name, source)
    real_project.file("motia.toml", "[queue]\nconcurrency = 10\n")

    async def main() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient() as client:
                answer = await client.post(f"{base}/load", json={"count": COUNT}, timeout=20)
            assert answer.status_code == 202
            killed_at = await done_at_least(running, base, 100)
            assert killed_at < COUNT
            first = await running.some_node(base)
            os.kill(first, signal.SIGKILL)
            # The next node takes over.
            killed_at = await done_at_least(running, base, killed_at + 50)
            assert killed_at < COUNT
            assert await running.some_node(base) != first
            # Now everything at once: supervisor and node.
            running.kill()
        left, dead = await real_project.left()
        assert left > 0
        assert dead == []
        real_project.file("fast", "")
        with real_project.running("start") as running:
            base = await running.ready()
            await done_at_least(running, base, COUNT)

            async def none_left() -> bool | None:
                return (await real_project.left())[0] == 0 or None

            await eventually(none_left, 40, lambda: running.text)
            assert await running.stop() == 0
        await account(real_project)

    run(main, 140)


async def account(project: Project) -> None:
    """Every message ended once; each was run at least once, few of them twice."""
    left, dead = await project.left()
    assert (left, dead) == (0, [])
    async with project.store() as backend:
        entries = await backend.state.entries("done", 0)
    assert {entry.key for entry in entries} == {str(number) for number in range(COUNT)}
    runs: dict[str, set[Any]] = {}
    for line in (project.folder / "runs.txt").read_text().splitlines():
        number, pid = line.split()
        runs.setdefault(number, set()).add(pid)
    assert len(runs) == COUNT
    # At most what ran at the two kills ran again.
    assert sum(len(pids) > 1 for pids in runs.values()) <= 20
