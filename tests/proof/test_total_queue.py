"""Real processes under kills, stops, nodes that come and go and a full house: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from history import check
from real_process import Project, Running, eventually

SEND = """
config = {"name": "Send", "triggers": [http("POST", "/send")]}
async def handler(request, ctx):
    await ctx.enqueue([{"topic": "work", "data": {"name": name}} for name in request.body["names"]])
    return {"status": 202, "body": None}
"""
WORK = """
import random
config = {"name": "Work", "triggers": [queue("work", attempts=50, retry_delay=0.05, max_delay=0.2)]}
async def handler(input, ctx):
    with open("runs.txt", "a") as file:
        file.write(input["name"] + "\\n")
    await asyncio.sleep(random.random() * 0.05)
    if random.random() < 0.05:
        raise ValueError("now and then")
    async with ctx.atomic(settle=True):
        await ctx.state.increment("outcomes", input["name"])
"""
_BATCH = 10
_CLIENTS = 8


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path, tmp_path_factory.mktemp("r"))
    made.step("send", SEND)
    made.step("work", WORK)
    made.file("motia.toml", "[queue]\nconcurrency = 20\nmax_crashes = 1000\n[tracing]\nenabled = false\n")
    return made


class Load:
    """A client that sends without end and remembers what it was told."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.acknowledged: list[str] = []
        self.over = False

    async def run(self, base: str) -> None:
        """Several of these at once: a request to a node that has just died waits for its successor."""
        async with httpx.AsyncClient(timeout=5) as client:
            while not self.over:
                names = [f"m{len(self.tried) + number}" for number in range(_BATCH)]
                self.tried += names
                try:
                    answer = await client.post(f"{base}/send", json={"names": names})
                except httpx.TransportError:
                    continue
                if answer.status_code == 202:
                    self.acknowledged += names
                await asyncio.sleep(0.02)


async def disturb(running: Running, chance: random.Random, rounds: int) -> Counter[str]:
    """Hit a random node, again and again."""
    done: Counter[str] = Counter()
    for _ in range(rounds):
        nodes = await eventually(lambda: some(running.nodes()), 20, lambda: running.text)
        victim = chance.choice(nodes)
        what = chance.choice(("kill", "kill", "kill", "stop", "drain"))
        try:
            if what == "kill":
                os.kill(victim, signal.SIGKILL)
            elif what == "stop":
                os.kill(victim, signal.SIGSTOP)
                await asyncio.sleep(0.3)
                os.kill(victim, signal.SIGCONT)
            else:
                os.kill(victim, signal.SIGTERM)
        except ProcessLookupError:
            continue
        done[what] += 1
        await asyncio.sleep(0.2 + chance.random())
    return done


async def some(nodes: list[int]) -> list[int] | None:
    return nodes or None


async def prove(project: Project, *, rounds: int, seed: int) -> None:
    load, chance = Load(), random.Random(seed)
    with project.running("start", "--nodes", "2") as running:
        base = await running.ready()
        sending = asyncio.gather(*(load.run(base) for _ in range(_CLIENTS)))
        done = await disturb(running, chance, rounds)
        load.over = True
        await sending

        async def nothing_left() -> bool | None:
            left, _ = await project.left()
            return True if left == 0 else None

        await eventually(nothing_left, 120, lambda: running.text)
    _, dead = await project.left()
    async with project.store() as backend:
        entries = await backend.state.entries("outcomes", 0)
    outcomes = {entry.key: int(entry.value) for entry in entries}
    runs = (project.folder / "runs.txt").read_text().split()
    verdict = check(load.tried, load.acknowledged, runs, outcomes)
    print(
        f"seed {seed}: {dict(done)}, {verdict.acknowledged} acknowledged, {verdict.repeated} runs repeated,"
    )
    print(f"  {len(verdict.recovered)} recovered, {len(dead)} dead")
    assert not dead
    assert verdict.sound, verdict
    assert verdict.acknowledged > 5 * rounds


def test_the_checker_sees_what_is_wrong() -> None:
    verdict = check(["a", "b", "c"], ["a", "b"], ["a", "a", "x"], {"a": 2, "x": 1, "c": 1})
    assert (verdict.lost, verdict.unexpected, verdict.twice) == ({"b"}, {"x"}, {"a"})
    assert (verdict.recovered, verdict.repeated) == ({"c"}, 1)
    assert not verdict.sound
    assert check(["a"], ["a"], ["a", "a"], {"a": 1}).sound


@pytest.mark.proof
@pytest.mark.timeout(400)
def test_nothing_is_lost_and_nothing_is_done_twice(project: Project) -> None:
    rounds = int(os.environ.get("PROOF_FAULTS", "120"))
    asyncio.run(prove(project, rounds=rounds, seed=random.SystemRandom().randrange(1_000_000)))
