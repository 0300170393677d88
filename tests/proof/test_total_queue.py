"""Real processes under kills, stops, nodes that come and go and a full house: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import copy
import os
import random
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from faults import Faults
from history import check
from nemesis import Nemesis
from real_process import Project, eventually, is_problem

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
TICK = """
config = {"name": "Tick", "triggers": [cron("* * * * * *", overlap="allow", attempts=50, retry_delay=0.05)]}
async def handler(input, ctx):
    async with ctx.atomic(settle=True):
        await ctx.state.increment("ticks", ctx.trigger.scheduled_at.isoformat())
"""
_REFUSALS = {"backend.full", "backend.unavailable", "handler.cancelled"}
_ROUNDS = int(os.environ.get("PROOF_FAULTS", "88"))
_BATCH = 10
_CLIENTS = 8


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path, tmp_path_factory.mktemp("r"))
    made.step("send", SEND)
    made.step("work", WORK)
    made.step("tick", TICK)
    made.file(
        "motia.toml",
        "[queue]\nconcurrency = 20\nmax_crashes = 1000\n[limits]\nmin_free_disk_bytes = 0\n",
    )
    made.program = [sys.executable, "-P", str(Path(__file__).with_name("faulty_node.py"))]
    made.environment["FAULTS_FILE"] = str(tmp_path / "faults")
    return made


@pytest.fixture
def guest(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same project for a second supervisor: with a runtime directory of its own, none knows the other."""
    runtime = tmp_path_factory.mktemp("g")
    (runtime / "motia").mkdir(mode=0o700)
    other = copy.copy(project)
    other.environment = {**project.environment, "XDG_RUNTIME_DIR": str(runtime)}
    return other


class Load:
    """A client that sends without end and remembers what it was told."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.acknowledged: list[str] = []
        self.refused: Counter[str] = Counter()
        self.over = False

    async def run(self, base: str) -> None:
        """Several of these at once: a request to a node that has just died waits for its successor."""
        async with httpx.AsyncClient(timeout=40) as client:
            while not self.over:
                names = [f"m{len(self.tried) + number}" for number in range(_BATCH)]
                self.tried += names
                try:
                    answer = await client.post(f"{base}/send", json={"names": names})
                except httpx.TransportError:
                    continue
                if answer.status_code == 202:
                    self.acknowledged += names
                else:
                    self._refused(answer)
                await asyncio.sleep(0.02)

    def _refused(self, answer: httpx.Response) -> None:
        """Only in words that a client can act on: later, or somewhere else."""
        code = answer.json()["code"]
        is_problem(answer, 503, code)
        assert int(answer.headers["retry-after"]) > 0
        self.refused[code] += 1


async def prove(project: Project, guest: Project, *, rounds: int, seed: int) -> None:
    load, chance = Load(), random.Random(seed)
    faults = Faults(project.folder / "faults")
    with project.running("start", "--nodes", "2") as running:
        base = await running.ready()
        nemesis = Nemesis(running, guest, faults, chance, progress=lambda: len(load.acknowledged))
        sending = asyncio.gather(*(load.run(base) for _ in range(_CLIENTS)))
        await nemesis.rage(rounds)

        async def enough() -> bool | None:
            return len(load.acknowledged) > 5 * rounds or None

        await eventually(enough, 120, lambda: running.text)
        load.over = True
        await sending

        async def nothing_left() -> bool | None:
            left, _ = await project.left()
            return True if left == 0 else None

        await eventually(nothing_left, 120, lambda: running.text)
        assert await running.stop(60) == 0, running.text
    faults.close()
    _, dead = await project.left()
    async with project.store() as backend:
        outcomes = {entry.key: int(entry.value) for entry in await backend.state.entries("outcomes", 0)}
        ticks = {entry.key: int(entry.value) for entry in await backend.state.entries("ticks", 0)}
    runs = (project.folder / "runs.txt").read_text().split()
    verdict = check(load.tried, load.acknowledged, runs, outcomes)
    print(f"seed {seed}: {dict(nemesis.done)}")
    print(f"  {verdict.acknowledged} acknowledged, {dict(load.refused)} refused, {len(ticks)} ticks")
    print(f"  {verdict.repeated} runs repeated, {len(verdict.recovered)} recovered, {len(dead)} dead")
    assert not dead
    assert verdict.sound, verdict
    assert {tick for tick, count in ticks.items() if count > 1} == set()
    assert load.refused.keys() <= _REFUSALS
    assert "Traceback" not in running.text


def test_the_checker_sees_what_is_wrong() -> None:
    verdict = check(["a", "b", "c"], ["a", "b"], ["a", "a", "x"], {"a": 2, "x": 1, "c": 1})
    assert (verdict.lost, verdict.unexpected, verdict.twice) == ({"b"}, {"x"}, {"a"})
    assert (verdict.recovered, verdict.repeated) == ({"c"}, 1)
    assert not verdict.sound
    assert check(["a"], ["a"], ["a", "a"], {"a": 1}).sound


@pytest.mark.proof
def test_a_disk_that_fails_is_told_and_forgotten_when_it_is_well_again(project: Project) -> None:
    faults = Faults(project.folder / "faults")

    async def answers(client: httpx.AsyncClient, status: int, code: str = "") -> None:
        async def look() -> bool | None:
            answer = await client.post("/send", json={"names": ["m"]})
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "1"
                return (status == 503 and answer.json()["code"] == code) or None
            return answer.status_code == status or None

        await eventually(look, 60)

    async def main() -> None:
        with project.running("start") as running:
            async with httpx.AsyncClient(base_url=await running.ready(), timeout=60) as client:
                node = (await client.get("/pid")).json()
                for state, code in (("full", "backend.full"), ("unsynced", "backend.unavailable")):
                    await answers(client, 202)
                    faults.disk(state)
                    await answers(client, 503, code)
                    # What needs no storage goes on, in the same process.
                    assert (await client.get("/pid")).json() == node
                    faults.disk("well")
                await answers(client, 202)

            async def told() -> bool | None:
                # The log is written beside the answers, and may come after them.
                return "motia.db: the disk is full" in running.text or None

            await eventually(told, 60, lambda: running.text)
            assert await running.stop(60) == 0

    asyncio.run(main())
    faults.close()


@pytest.mark.proof
@pytest.mark.timeout(400 + 5 * _ROUNDS)
def test_nothing_is_lost_and_nothing_is_done_twice(project: Project, guest: Project) -> None:
    asyncio.run(prove(project, guest, rounds=_ROUNDS, seed=random.SystemRandom().randrange(1_000_000)))
