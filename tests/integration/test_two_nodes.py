"""Two nodes under load, one of them dying every second: every accepted message is processed."""

from __future__ import annotations

import asyncio
import os
import signal

import httpx
from real_process import Project, Running, eventually, run

ACCEPT = """
config = {"name": "Accept", "triggers": [http("POST", "/accept")]}
async def handler(request, ctx):
    ctx.enqueue("work", request.body)
    return {"status": 202, "body": None}
"""
WORK = """
config = {"name": "Work", "triggers": [queue("work")]}
async def handler(input, ctx):
    await asyncio.sleep(0.01)
    async with ctx.atomic(settle=True):
        await ctx.state.increment("done", input)
"""
_CLIENTS = 8


async def load(base: str, name: int, accepted: set[str], stop: asyncio.Event) -> int:
    """Post messages until told to stop; the number of requests that got no answer."""
    unanswered = number = 0
    async with httpx.AsyncClient(timeout=20) as client:
        while not stop.is_set():
            number += 1
            message = f"{name}-{number}"
            try:
                answer = await client.post(f"{base}/accept", json=message)
            except httpx.TransportError:
                unanswered += 1
                # No node listens for a moment; the next answer says that one does again.
                await asyncio.sleep(0.02)
                continue
            if answer.status_code == 202:
                accepted.add(message)
    return unanswered


async def survive(project: Project, kills: int) -> tuple[int, int]:
    """Messages accepted, and requests that a death cut."""
    project.step("accept", ACCEPT)
    project.step("work", WORK)
    accepted: set[str] = set()
    with project.running("start", "--nodes", "2") as running:
        base = await running.ready()
        stop = asyncio.Event()
        clients = [asyncio.create_task(load(base, name, accepted, stop)) for name in range(_CLIENTS)]
        killed: set[int] = set()
        for _ in range(kills):
            before = len(accepted)
            killed.add(await kill_one(running, killed))
            await asyncio.sleep(1)  # the rate of the proof: a death a second
            await eventually(lambda count=before: _more(accepted, count), 20, lambda: running.text)
        stop.set()
        unanswered = sum(await asyncio.gather(*clients))
        assert len(killed) == kills

        async def all_ended() -> bool | None:
            return (await project.left())[0] == 0 or None

        await eventually(all_ended, 30, lambda: running.text)
        assert await running.stop() == 0
    left, dead = await project.left()
    assert (left, dead) == (0, [])
    async with project.store() as backend:
        entries = await backend.state.entries("done", 0)
    done = {entry.key: entry.value for entry in entries}
    assert accepted - done.keys() == set()
    # Settled with its write: however often it ran, it counted once.
    assert set(done.values()) == {b"1"}
    return len(accepted), unanswered


async def _more(accepted: set[str], count: int) -> bool | None:
    return len(accepted) > count or None


async def kill_one(running: Running, killed: set[int]) -> int:
    """Kill a node that was not killed before; its pid."""

    async def look() -> int | None:
        return next((pid for pid in running.nodes() if pid not in killed), None)

    pid = await eventually(look, 40, lambda: running.text)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_nothing_is_lost_while_nodes_die(real_project: Project) -> None:
    async def main() -> None:
        accepted, unanswered = await survive(real_project, 3)
        assert accepted > 50
        assert unanswered <= 3 * _CLIENTS

    run(main, 60)
