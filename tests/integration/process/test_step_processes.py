"""Steps with `execution="process"`: real processes that compute, crash, run out of memory, are killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from motia import encoding
from motia.core.ids import parse_id
from motia.settings import Settings
from motia.testing.app import TestApp

STEPS = '''
import asyncio, os, signal, sys, time
from datetime import datetime
from pydantic import BaseModel
from motia import Cancel, Context, Retry, Stream, queue, state, step
from motia.errors import ConflictError

class Job(BaseModel):
    n: int

def wait_for_it(error, attempt):
    return 3600 if isinstance(error, LookupError) else None

@step(queue("work", execution="process", memory="64MB", attempts=1))
def work(job: Job, ctx: Context) -> dict:
    """What `n` asks for."""
    print("computing", job.n)
    n = job.n
    if n == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    if n == 2:
        return {"bytes": len(bytearray(512 * 1024 * 1024))}
    if n == 3:
        raise ValueError("no such job")
    if n == 5:
        return object()
    if n == 6:
        return Cancel("not wanted")
    if n == 7:
        ctx.step("charge", lambda: 1)
    ctx.state.set("pids", str(n), os.getpid())
    return {"pid": os.getpid(), "at": datetime(2030, 1, 1)}

@step(queue("flaky", execution="process", attempts=2, retry=wait_for_it))
async def flaky(input) -> None:
    raise LookupError("not there yet")

@step(queue("busy", execution="process", timeout="1h", attempts=1))
def busy(input, ctx: Context) -> None:
    ctx.state.set("began", str(input), os.getpid())
    while True:
        sum(range(10_000))

@step(queue("context", execution="process", attempts=1))
async def context(input, ctx: Context) -> None:
    ctx.logger.info("began", job=input, odd=object())
    try:
        {}["lost"]
    except KeyError:
        ctx.logger.exception("looked in vain")
    await ctx.state.set("a", "b", {"n": 1})
    await ctx.state.update("a", "b", [{"type": "increment", "path": "n", "by": 2}])
    changed = await ctx.state.get("a", "b")
    one = await ctx.enqueue("later", {"n": 1}, delay="1h")
    many = await ctx.enqueue_many("later", [1, 2, 3], delay="1h")
    async with ctx.atomic():
        await ctx.state.set("a", "c", 1)
        await ctx.enqueue("later", {"n": 2}, delay="1h")
        assert await ctx.state.get("a", "c") == 1
    states = await ctx.queue.get(one)
    bulk = await ctx.queue.bulk(many)
    refused = ""
    try:
        await ctx.state.set("a", "b", 0, if_version=1)
    except ConflictError as error:
        refused = error.code
    doubled = await ctx.call("double", {"n": 21}) + (await ctx.call("made", {}))["n"]
    await ctx.streams.chat.set("room", "1", {"text": "hello"})
    item = await ctx.streams.chat.get("room", "1")
    ctx.state.set("unawaited", "x", True)
    await ctx.state.set("told", "all", {
        "changed": changed["n"], "status": states[0].status, "waiting": bulk.waiting, "refused": refused,
        "doubled": doubled, "text": item["text"], "pid": os.getpid(), "attempt": ctx.attempt,
        "kind": ctx.trigger.type, "cancelled": await ctx.queue.cancel(one),
    })

@step(queue("later"))
async def later(input) -> None:
    pass

@step()
async def double(n: int) -> int:
    return 2 * n

@step()
async def made() -> Job:
    return Job(n=7)
'''
STREAM = """
config = {"name": "chat", "schema": None}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "all_step.py").write_text(STEPS)
    (tmp_path / "steps" / "chat_stream.py").write_text(STREAM)
    settings = Settings.model_validate(
        {
            "project_dir": tmp_path,
            "port": 0,
            "queue": {"processes": 1, "cancel_grace_s": 0.2, "max_crashes": 1},
        }
    )

    def go(scenario: Callable[[TestApp], Awaitable[None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(50), TestApp(settings=settings) as app:
                await scenario(app)

        asyncio.run(main())

    return go


async def ended(app: TestApp, topic: str, data: Any) -> Any:
    """How a message ended, and its dead letter's code."""
    message_id = await app.emit(topic, data)
    event = await until(app, "message.settled", message_id=message_id)
    letters = [
        one for one in await app.dead_letters() if one.id == bytes.fromhex(message_id.replace("-", ""))
    ]
    return event.fields["outcome"], letters[0].code if letters else "", letters[0] if letters else None


async def until(app: TestApp, name: str, **fields: Any) -> Any:
    return await app.until(name, limit_s=45.0, **fields)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_handler_in_its_process_is_served_as_if_it_ran_in_the_node(run: Callable[..., None]) -> None:
    async def scenario(app: TestApp) -> None:
        for n in (10, 11):
            assert (await ended(app, "work", {"n": n}))[:2] == ("completed", "")
        first, second = [await app.state.get("pids", str(n)) for n in (10, 11)]
        assert first == second != os.getpid()
        assert any(line.message == "computing 10" for line in app.logs)

        outcome, code, letter = await ended(app, "work", {"n": 3})
        assert (outcome, code) == ("dead", "handler.raised")
        assert b"no such job" in letter.error
        assert b"steps/all_step.py" in letter.error
        assert b"ValueError" in letter.error
        assert (await ended(app, "work", {"n": "x"}))[1] == "input.invalid"
        assert (await ended(app, "work", {"n": 5}))[1] == "process.bad_result"
        assert (await ended(app, "work", {"n": 6}))[0] == "cancelled"
        assert (await ended(app, "work", {"n": 7}))[1] == "process.not_durable"
        await the_context_is_served(app)
        # Its retry function puts it off by an hour: an error of its class has reached it.
        flaky = await app.emit("flaky", 1)
        event = await until(app, "message.settled", message_id=flaky)
        assert event.fields["outcome"] == "retried"
        assert event.fields["due_at_ms"] > app.clock.now_ms() + 1_800_000
        assert (await ended(app, "work", {"n": 12}))[0] == "completed"
        assert await app.state.get("pids", "12") == first

    run(scenario)


async def the_context_is_served(app: TestApp) -> None:
    outcome, _, letter = await ended(app, "context", "job")
    assert outcome == "completed", letter.error if letter else None
    told = await app.state.get("told", "all")
    assert told.pop("pid") != os.getpid()
    assert told == {
        "changed": 3,
        "status": "scheduled",
        "waiting": 3,
        "refused": "state.version_conflict",
        "doubled": 49,
        "text": "hello",
        "attempt": 1,
        "kind": "queue",
        "cancelled": 1,
    }
    assert await app.state.get("a", "c") == 1
    assert await app.state.get("unawaited", "x") is True
    [caught] = [line for line in app.logs if line.message == "looked in vain"]
    told = encoding.decode(caught.data or b"{}")["error"]
    assert (caught.level, told["type"], told["message"]) == ("error", "KeyError", "'lost'")
    assert "all_step.py" in told["stack"]
    [line] = [line for line in app.logs if line.message == "began"]
    assert line.data is not None
    assert b'"job":"job"' in line.data


@pytest.mark.proof
def test_processes_crash_run_out_of_memory_are_killed_and_replaced(run: Callable[..., None]) -> None:
    left: list[int] = []

    async def scenario(app: TestApp) -> None:
        outcome, code, letter = await ended(app, "work", {"n": 1})
        assert (outcome, code, letter.crashes) == ("dead", "process.crashed", 1)
        assert b"SIGSEGV" in letter.error
        assert (await ended(app, "work", {"n": 10}))[0] == "completed"
        pid = await app.state.get("pids", "10")

        if sys.platform == "linux":
            outcome, code, letter = await ended(app, "work", {"n": 2})
            assert (outcome, code) == ("dead", "process.out_of_memory")
            assert b"67108864 bytes" in letter.error
            assert not alive(pid)

        busy = await app.emit("busy", 1)
        await until(app, "state.changed", scope="began", key="1")
        pid = await app.state.get("began", "1")
        assert alive(pid)
        engine = app.app.engine
        assert engine is not None
        await engine.interventions.cancel([parse_id(busy)])
        assert (await until(app, "message.settled", message_id=busy)).fields["outcome"] == "cancelled"
        await app.until_idle(45.0)
        assert not alive(pid)

        # Interrupted twice, it is gone at once: nothing of it may answer for the next one.
        busy = await app.emit("busy", 3)
        await until(app, "state.changed", scope="began", key="3")
        for _ in range(2):
            await asyncio.sleep(0)
            [execution] = engine.deadlines.running
            engine.deadlines.cancel(execution)
        assert (await until(app, "message.settled", message_id=busy)).fields["outcome"] == "cancelled"
        assert not alive(await app.state.get("began", "3"))

        await app.emit("busy", 2)
        await until(app, "state.changed", scope="began", key="2")
        left.append(await app.state.get("began", "2"))

    run(scenario)
    assert not alive(left[0])
