"""Ending, moving and pausing messages on a running node; and why a message does not run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia.core.ids import parse_id
from motia.engine.ledger import scheduled_items
from motia.engine.why import why
from motia.errors import InputError
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def engine_of(app: TestApp) -> Any:
    assert app.app.engine is not None
    return app.app.engine


def slow(project: Any, options: str = "", body: str = "await asyncio.sleep(30)") -> None:
    project.step(
        "slow",
        f"""
        config = {{"name": "slow", "triggers": [queue("slow"{options})]}}
        async def handler(input, ctx):
            try:
                await ctx.state.set("began", str(input), True)
                {body}
            except asyncio.CancelledError:
                ctx.logger.info("interrupted")
                raise
            await ctx.state.set("done", str(input), True)
        """,
    )


async def began(app: TestApp, key: str) -> None:
    await app.until("state.changed", scope="began", key=key)


async def reasons(app: TestApp, message_id: str) -> list[str]:
    engine = engine_of(app)
    found = await why(engine.backend, engine.registry, parse_id(message_id), app.clock.now_ms())
    return [reason.code for _, reasons in found for reason in reasons]


def test_a_running_handler_is_interrupted_when_its_message_is_cancelled(project: Any) -> None:
    slow(project)

    async def scenario(app: TestApp) -> None:
        message_id = await app.emit("slow", 1)
        await began(app, "1")
        ended = await engine_of(app).interventions.cancel([parse_id(message_id)])
        assert len(ended) == 1
        event = await app.until("message.settled")
        assert event.fields["outcome"] == "cancelled"
        await app.until_idle()
        assert any(line.message == "interrupted" for line in app.logs)
        assert await app.state.get("done", "1") is None
        assert await app.dead_letters() == []
        assert not [line for line in app.logs if line.level in ("warning", "error")]
        assert app.spans[-1].status == "cancelled"

    project.run(scenario)


def test_a_handler_that_swallows_its_cancellation_keeps_nothing(project: Any) -> None:
    project.step(
        "deaf",
        """
        config = {"name": "deaf", "triggers": [queue("deaf")]}
        async def handler(input, ctx):
            try:
                await ctx.state.set("began", "1", True)
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                pass
            await ctx.state.set("done", "1", True)
        """,
    )

    async def scenario(app: TestApp) -> None:
        message_id = await app.emit("deaf", 1)
        await began(app, "1")
        await engine_of(app).interventions.cancel([parse_id(message_id)])
        event = await app.until("message.settled")
        assert event.fields["outcome"] == "cancelled"
        await app.until_idle()
        # Its claim was gone: the write it still tried was refused.
        assert await app.state.get("done", "1") is None

    project.run(scenario)


def test_a_handler_may_ask_for_a_message_and_cancel_it(project: Any) -> None:
    slow(project)
    project.step(
        "ask",
        """
        config = {"name": "ask", "triggers": []}
        async def handler(input, ctx):
            id = await ctx.enqueue("slow", 2, delay="1h")
            (before,) = await ctx.queue.get(id)
            cancelled = await ctx.queue.cancel(id)
            return [before.status, before.step, cancelled, await ctx.queue.get(id)]
        """,
    )
    project.step(
        "ask_in_thread",
        """
        config = {"name": "ask_in_thread", "triggers": []}
        def handler(input, ctx):
            id = ctx.enqueue("slow", 2, delay="1h")
            return [ctx.queue.get(id)[0].status, ctx.queue.cancel(id)]
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert await app.call("ask") == ["scheduled", "slow", 1, []]
        assert await app.call("ask_in_thread") == ["scheduled", 1]

    project.run(scenario)


def test_a_whole_trace_is_cancelled(project: Any) -> None:
    slow(project)
    project.step(
        "begin",
        """
        config = {"name": "begin", "triggers": [http("POST", "/begin")]}
        async def handler(input, ctx):
            await ctx.enqueue("slow", "now")
            await ctx.enqueue("slow", "later", delay="1h")
            return {"trace": ctx.trace_id}
        """,
    )
    project.step(
        "wait",
        """
        config = {"name": "wait", "triggers": [http("POST", "/wait")]}
        async def handler(input, ctx):
            await ctx.state.set("began", "wait", ctx.trace_id)
            await asyncio.sleep(30)
        """,
    )

    async def scenario(app: TestApp) -> None:
        trace = (await app.http.post("/begin")).json()["trace"]
        await app.emit("slow", "another")
        await began(app, "now")
        await began(app, "another")
        ended = await engine_of(app).interventions.cancel_trace(trace)
        assert len(ended) == 2
        await app.until("invocation.ended", status="cancelled")
        # A request is interrupted with its trace, too.
        waiting = asyncio.ensure_future(app.http.post("/wait"))
        await began(app, "wait")
        await engine_of(app).interventions.cancel_trace(await app.state.get("began", "wait"))
        answer = await waiting
        assert (answer.status_code, answer.json()["code"]) == (503, "handler.cancelled")
        depths = await engine_of(app).backend.queue.depths()
        assert sum(depth.scheduled for depth in depths) == 0

    project.run(scenario, drain_s=0.05)


def test_one_of_a_bundle_is_cancelled_and_the_others_run_again(project: Any) -> None:
    slow(project, ', batch={"size": 3, "wait": 1}', "await asyncio.sleep(30 if len(input) == 3 else 0)")

    async def scenario(app: TestApp) -> None:
        ids = [await app.emit("slow", number) for number in range(3)]
        await began(app, "[0, 1, 2]")
        await engine_of(app).interventions.cancel([parse_id(ids[1])])
        await began(app, "[0, 2]")
        await app.until_idle()
        assert await app.state.entries("done") == {"[0, 2]": True}
        assert await app.dead_letters() == []

    project.run(scenario)


def test_a_pause_holds_what_waits_and_lets_what_runs_go_on(project: Any) -> None:
    slow(project, "", "pass")

    async def scenario(app: TestApp) -> None:
        interventions = engine_of(app).interventions
        await interventions.pause(topic="slow")
        message_id = await app.emit("slow", 1)
        await app.advance(3)
        assert await app.state.get("done", "1") is None
        assert await reasons(app, message_id) == ["paused"]
        [(_, [reason])] = await why(
            app.app.backend, engine_of(app).registry, parse_id(message_id), app.clock.now_ms()
        )
        assert "`motia queue resume --topic slow` takes" in reason.text
        assert await interventions.resume(topic="slow") == 1
        await app.advance(0)
        assert await app.state.get("done", "1") is True

    project.run(scenario, clock=ManualClock())


def test_what_a_node_holds_of_a_paused_queue_goes_back(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(project, "", 'while "SLOW_MAY_END" not in __import__("os").environ: await asyncio.sleep(0.01)')

    async def scenario(app: TestApp) -> None:
        for number in range(5):
            await app.emit("slow", number)
        assert engine_of(app).consumer.held
        await engine_of(app).interventions.pause()
        assert engine_of(app).consumer.held == 0
        monkeypatch.setenv("SLOW_MAY_END", "yes")
        await engine_of(app).interventions.resume(everything=True)
        await app.until_idle()
        assert len(await app.state.entries("done")) == 5

    project.run(scenario, queue={"concurrency": 1})


def test_what_stays_held_when_another_goes_is_told_of_once(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(project, "", 'while "SLOW_MAY_END" not in __import__("os").environ: await asyncio.sleep(0.01)')

    async def scenario(app: TestApp) -> None:
        ids = [await app.emit("slow", number) for number in range(4)]
        await engine_of(app).interventions.cancel([parse_id(ids[3])])
        assert engine_of(app).consumer.held == 2
        monkeypatch.setenv("SLOW_MAY_END", "yes")
        await app.until_idle()
        assert sorted(await app.state.entries("done")) == ["0", "1", "2"]
        assert len([event for event in app.events if event.name == "message.claimed"]) == 4

    project.run(scenario, queue={"concurrency": 1})


def test_a_delayed_message_is_moved(project: Any) -> None:
    slow(project, "", "pass")
    project.step(
        "later",
        """
        config = {"name": "later", "triggers": []}
        async def handler(input, ctx):
            return await ctx.enqueue("slow", 1, delay="1h")
        """,
    )

    async def scenario(app: TestApp) -> None:
        message_id = await app.call("later")
        engine = engine_of(app)
        assert await reasons(app, message_id) == ["scheduled"]
        (item,) = await scheduled_items(
            engine.backend, engine.registry, timezone="UTC", now_ms=app.clock.now_ms()
        )
        assert (item.kind, item.step) == ("message", "slow")
        assert await engine.interventions.move([parse_id(message_id)], app.clock.now_ms() + 5000) == 1
        await app.advance(4.5)
        assert await app.state.get("done", "1") is None
        await app.advance(1)
        assert await app.state.get("done", "1") is True

    project.run(scenario, clock=ManualClock())


def test_why_names_the_blocker_and_its_holder(project: Any) -> None:
    slow(project, ', concurrency={"limit": 1, "key": "u"}')
    project.step(
        "ordered",
        """
        config = {"name": "ordered", "triggers": [queue("ordered", fifo=True)]}
        async def handler(input, ctx):
            await asyncio.sleep(30)
        """,
    )
    project.step(
        "few",
        """
        config = {"name": "few", "triggers": [queue("few", concurrency=1), queue("seldom", rate_limit="1/h")]}
        async def handler(input, ctx):
            if ctx.trigger.topic == "few":
                await asyncio.sleep(30)
        """,
    )

    async def scenario(app: TestApp) -> None:
        first, second = await app.emit("slow", {"u": 1}), await app.emit("slow", {"u": 1})
        head, behind = await app.emit("ordered", 1), await app.emit("ordered", 2)
        runs, waits = await app.emit("few", 1), await app.emit("few", 2)
        await app.emit("seldom", 1)
        too_soon = await app.emit("seldom", 2)
        for step in ("slow", "ordered", "few"):
            await app.until("invocation.started", step=step)
        await app.until("message.settled", topic="seldom")
        engine = engine_of(app)
        assert await reasons(app, first) == ["running"]
        for message_id, code, holder in (
            (second, "concurrency_key", first),
            (behind, "group", head),
            (waits, "concurrency", runs),
        ):
            [(_, [reason])] = await why(
                engine.backend, engine.registry, parse_id(message_id), app.clock.now_ms()
            )
            assert (reason.code, reason.holder) == (code, holder)
            assert str(engine._pid) in reason.text
        [(_, [reason])] = await why(engine.backend, engine.registry, parse_id(too_soon), app.clock.now_ms())
        assert reason.code == "rate"
        assert reason.until_ms is not None
        assert reason.until_ms > app.clock.now_ms()

    project.run(scenario, drain_s=0.05)


def test_why_says_what_a_run_waits_for(project: Any) -> None:
    project.step(
        "waits",
        """
        @step(queue("sleeps"))
        async def sleeps(ctx):
            await ctx.sleep("2s")
            await ctx.sleep("1h")
        @step(queue("waits"))
        async def waits(ctx):
            await ctx.gather(
                ctx.wait_for("paid", match={"id": 1}),
                ctx.wait_for_signal("go", timeout="1d"),
                ctx.call("sleeps", {}),
            )
        """,
    )

    async def scenario(app: TestApp) -> None:
        engine = engine_of(app)
        asleep, waiting = await app.emit("sleeps", {}), await app.emit("waits", {})
        await app.until_idle()
        await app.advance(3)
        [(_, [reason])] = await why(engine.backend, engine.registry, parse_id(asleep), app.clock.now_ms())
        assert (reason.code, reason.text) == ("sleep", "its run sleeps")
        assert reason.until_ms is not None
        assert reason.until_ms > app.clock.now_ms() + 3_000_000
        [(_, found)] = await why(engine.backend, engine.registry, parse_id(waiting), app.clock.now_ms())
        assert sorted((one.code, one.text, one.until_ms is None) for one in found) == [
            ("call", "its run waits at 'call sleeps'", True),
            ("wait", "its run waits at 'signal go'", False),
            ("wait", "its run waits at 'wait paid', without a limit of time", True),
        ]

    project.run(scenario, clock=ManualClock())


def test_a_bulk_is_stored_in_one_commit_followed_and_cancelled(project: Any) -> None:
    project.step(
        "send",
        """
        @step()
        async def send(input, ctx):
            first = await ctx.enqueue_many("mail", [{"n": n} for n in range(3)])
            async with ctx.atomic():
                later = await ctx.enqueue_many("mail", ({"n": n} for n in range(2000)), delay="1h")
            return {"first": first, "later": later, "none": await enqueue_many("nobody", [1, 2])}
        """,
    )
    project.step(
        "mail",
        """
        @step(queue("mail", attempts=1))
        async def mail(n: int) -> None:
            if n == 2:
                raise ValueError("no such address")
        """,
    )
    project.step(
        "control",
        """
        @step()
        def control(input, ctx):
            before = ctx.queue.bulk(input)
            return before, ctx.queue.cancel_bulk(input), ctx.queue.bulk(input)
        """,
    )

    async def scenario(app: TestApp) -> None:
        sent = await app.call("send")
        await app.until_idle()
        first, ended, _ = await app.call("control", sent["first"])
        assert (first.total, first.completed, first.dead, ended) == (3, 2, 1, 0)
        before, ended, after = await app.call("control", sent["later"])
        assert (before.total, before.waiting, before.completed) == (2000, 2000, 0)
        assert (ended, after.waiting, after.cancelled, after.completed) == (2000, 0, 2000, 0)
        none, *_ = await app.call("control", sent["none"])
        assert none.total == 0
        assert sum("no step subscribes" in line.message for line in app.logs) == 1
        missing, *_ = await app.call("control", "0" * 32)
        assert missing is None

    project.run(scenario)


def test_a_bulk_that_is_too_large_is_refused_whole(project: Any) -> None:
    project.step(
        "send",
        """
        @step()
        async def send(input, ctx):
            await ctx.enqueue_many("mail", ["x" * input["bytes"]] * input["count"])
        @step(queue("mail"))
        async def mail(input) -> None:
            pass
        """,
    )

    async def scenario(app: TestApp) -> None:
        for size in ({"count": 10_001, "bytes": 1}, {"count": 70, "bytes": 1_000_000}):
            with pytest.raises(InputError) as refused:
                await app.call("send", size)
            assert refused.value.code == "enqueue.too_many"
        assert app.enqueued("mail") == []

    project.run(scenario)
