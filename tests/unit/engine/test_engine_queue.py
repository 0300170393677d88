"""Messages through the whole engine: retries, dead letters, order, limits, values that ask for more time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from motia import encoding
from motia.backends.protocol import answered
from motia.core.batch import Batch, Completed, RunEnd, Settle
from motia.errors import InternalError
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def outcomes(app: TestApp, step: str) -> list[str]:
    return [
        event.fields["outcome"]
        for event in app.events
        if event.name == "message.settled" and event.fields["step"] == step
    ]


def starts(app: TestApp, step: str) -> int:
    return sum(event.name == "invocation.started" and event.fields["step"] == step for event in app.events)


def test_a_failing_message_backs_off_and_is_dead_lettered_with_its_errors(project: Any) -> None:
    project.step(
        "fail",
        """
        config = {"name": "Fail", "triggers": [queue("fail", attempts=4, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            raise ValueError(f"attempt {ctx.attempt}")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", {"id": 7})
        await app.advance(0)
        # Waits of 1, 2 and 4 seconds: nothing happens just before, the attempt just after.
        for wait_s, before in ((1, 1), (2, 2), (4, 3)):
            await app.advance(wait_s - 0.2)
            assert starts(app, "Fail") == before
            await app.advance(0.2)
            assert starts(app, "Fail") == before + 1
        assert outcomes(app, "Fail") == ["retried"] * 3 + ["dead"]
        # That an attempt is put off is no wait for a place to run.
        assert max(span.queue_wait_us for span in app.spans) <= 200_000
        (dead,) = await app.dead_letters()
        assert (dead.code, dead.failures, dead.crashes) == ("handler.raised", 4, 0)
        assert encoding.decode(dead.payload) == {"id": 7}
        error = encoding.decode(dead.error)
        assert (error["type"], error["message"]) == ("ValueError", "attempt 4")
        assert "fail_step.py" in error["stack"]
        assert [encoding.decode(line)["message"] for line in dead.errors.splitlines()] == [
            "attempt 1",
            "attempt 2",
            "attempt 3",
        ]

    project.run(scenario, clock=ManualClock())


def test_steps_that_were_loaded_again_run_by_their_new_policy(project: Any) -> None:
    project.step(
        "fail",
        """
        config = {"name": "Fail", "triggers": [queue("fail", attempts=4, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            raise ValueError("no")
        """,
    )

    async def scenario(app: TestApp) -> None:
        engine = app._engine
        await app.emit("fail")
        await app.advance(0)
        assert outcomes(app, "Fail") == ["retried"]
        queues = {
            name: replace(entry, policy=replace(entry.policy, retry=replace(entry.policy.retry, attempts=2)))
            for name, entry in engine.registry.queues.items()
        }
        engine.replace_registry(replace(engine.registry, queues=queues))
        await app.advance(1.1)
        assert outcomes(app, "Fail") == ["retried", "dead"]

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_recovers_completes(project: Any) -> None:
    project.step(
        "flaky",
        """
        config = {"name": "Flaky", "triggers": [queue("flaky", retry_delay=1)]}
        async def handler(input, ctx):
            if ctx.attempt < 3:
                raise RuntimeError("not yet")
            await ctx.state.set("s", "attempt", ctx.attempt)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("flaky")
        await app.advance(10)
        assert outcomes(app, "Flaky") == ["retried", "retried", "completed"]
        assert await app.state.get("s", "attempt") == 3
        assert len({span.trace_id for span in app.spans}) == 1

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_no_thread_is_left_for_is_not_at_fault(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.step(
        "blocking",
        """
        config = {"name": "Blocking", "triggers": [queue("blocking", attempts=1)]}
        def handler(input, ctx):
            ctx.state.set("s", "attempt", ctx.attempt)
        """,
    )

    async def scenario(app: TestApp) -> None:
        def refuse(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            # What the system says of a process that is full of threads.
            patch.setattr("threading._start_new_thread", refuse)
            await app.emit("blocking")
            await app.until("message.settled")
        assert outcomes(app, "Blocking") == ["snoozed"]
        await app.advance(1.5)
        await app.until("message.settled", outcome="completed")
        assert outcomes(app, "Blocking") == ["snoozed", "completed"]
        assert await app.state.get("s", "attempt") == 1
        assert await app.dead_letters() == []

    project.run(scenario, clock=ManualClock())


def test_values_ask_for_another_attempt_more_time_or_the_end(project: Any) -> None:
    project.step(
        "values",
        """
        config = {"name": "Values", "triggers": [queue("values", attempts=2)]}
        async def handler(input, ctx):
            seen = await ctx.state.increment("seen", input["kind"])
            if input["kind"] == "retry":
                return Retry(5, "upstream is down")
            if input["kind"] == "snooze" and seen < 10:
                return Snooze(60)
            if input["kind"] == "cancel":
                return Cancel("not needed")
        """,
    )

    async def scenario(app: TestApp) -> None:
        for kind in ("retry", "snooze", "cancel"):
            await app.emit("values", {"kind": kind})
        await app.advance(4.9)
        assert await app.state.entries("seen") == {"retry": 1, "snooze": 1, "cancel": 1}
        await app.advance(0.2)
        (dead,) = await app.dead_letters()
        assert dead.code == "handler.retry"
        assert encoding.decode(dead.error)["message"] == "upstream is down"
        await app.advance(600)
        assert await app.state.entries("seen") == {"retry": 2, "snooze": 10, "cancel": 1}
        kinds = outcomes(app, "Values")
        assert kinds.count("snoozed") == 9
        assert kinds.count("cancelled") == 1
        assert kinds.count("completed") == 1
        assert len(await app.dead_letters()) == 1

    project.run(scenario, clock=ManualClock())


def test_a_false_condition_skips_the_step(project: Any) -> None:
    project.step(
        "big",
        """
        def is_big(input, ctx):
            return input["amount"] > 10
        async def is_even(input):
            return input["amount"] % 2 == 0
        triggers = [queue("paid", condition=is_big), queue("sold", condition=is_even)]
        config = {"name": "Big", "triggers": triggers}
        async def handler(input, ctx):
            await ctx.state.set(ctx.trigger.topic, str(input["amount"]), True)
        """,
    )

    async def scenario(app: TestApp) -> None:
        for topic in ("paid", "sold"):
            for amount in (4, 11):
                await app.emit(topic, {"amount": amount})
        await app.until_idle()
        assert await app.state.entries("paid") == {"11": True}
        assert await app.state.entries("sold") == {"4": True}
        assert sorted(outcomes(app, "Big")) == ["cancelled", "cancelled", "completed", "completed"]

    project.run(scenario)


def test_a_condition_that_raises_fails_the_attempt(project: Any) -> None:
    project.step(
        "big",
        """
        def is_big(input, ctx):
            return input["missing"]
        config = {"name": "Big", "triggers": [queue("paid", condition=is_big, attempts=1)]}
        async def handler(input, ctx): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("paid", {})
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert encoding.decode(dead.error)["type"] == "KeyError"

    project.run(scenario)


def test_a_delayed_message_runs_when_it_is_due(project: Any) -> None:
    project.step(
        "later",
        """
        from datetime import UTC, datetime
        config = {"name": "Later", "triggers": [queue("later")]}
        async def handler(input, ctx):
            await ctx.state.set("ran", input, True)
        """,
    )
    project.step(
        "plan",
        """
        from datetime import UTC, datetime
        config = {"name": "Plan", "triggers": [http("POST", "/plan")]}
        async def handler(request, ctx):
            await ctx.enqueue("later", "soon", delay=0.3)
            await ctx.enqueue("later", "minute", delay="1m")
            await ctx.enqueue("later", "new year", at=datetime(2026, 1, 1, 0, 5, tzinfo=UTC))
            await ctx.enqueue("later", "past", at=datetime(2020, 1, 1, tzinfo=UTC))
            async with ctx.atomic():
                await ctx.enqueue("later", "atomic", delay=0.3)
            return {"ok": True}
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.advance(0.05)
        await app.http.post("/plan")
        await app.until_idle()
        assert list(await app.state.entries("ran")) == ["past"]
        await app.advance(0.29)
        assert list(await app.state.entries("ran")) == ["past"]
        await app.advance(0.02)
        assert sorted(await app.state.entries("ran")) == ["atomic", "past", "soon"]
        await app.advance(60)
        assert "minute" in await app.state.entries("ran")
        await app.advance(240)
        assert "new year" in await app.state.entries("ran")

    project.run(scenario, clock=ManualClock())


def test_a_group_runs_in_order_also_across_retries(project: Any) -> None:
    project.step(
        "ordered",
        """
        trigger = queue("ordered", group_by="customer", attempts=2, retry_delay=1, jitter=0)
        config = {"name": "Ordered", "triggers": [trigger]}
        async def handler(input, ctx):
            if input["n"] == 1 and input["customer"] == "a":
                raise RuntimeError("the head of the group")
            entries = [{"type": "append", "path": "", "value": input["n"]}]
            await ctx.state.update("order", input["customer"], entries)
        """,
    )

    async def scenario(app: TestApp) -> None:
        for n in range(5):
            for customer in ("a", "b"):
                await app.emit("ordered", {"customer": customer, "n": n})
        await app.advance(0.5)
        assert await app.state.entries("order") == {"a": [0], "b": [0, 1, 2, 3, 4]}
        await app.advance(1)
        # The dead head lets its group go on.
        assert await app.state.entries("order") == {"a": [0, 2, 3, 4], "b": [0, 1, 2, 3, 4]}
        assert [dead.group for dead in await app.dead_letters()] == ["a"]

    project.run(scenario, clock=ManualClock())


def test_a_queue_never_runs_more_at_once_than_its_limit(project: Any) -> None:
    project.step(
        "narrow",
        """
        running = most = 0
        config = {"name": "Narrow", "triggers": [queue("narrow", concurrency=3)]}
        async def handler(input, ctx):
            global running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            await ctx.state.increment("s", "done")
            running -= 1
            await ctx.state.set("s", "most", most)
        """,
    )

    async def scenario(app: TestApp) -> None:
        for _ in range(60):
            await app.emit("narrow")
        await app.until_idle()
        assert await app.state.entries("s") == {"done": 60, "most": 3}

    project.run(scenario)


def test_a_limited_queue_goes_on_beside_a_full_one(project: Any) -> None:
    """Its next message is looked for when one ends, however much else this node holds."""
    project.step(
        "narrow",
        """
        config = {"name": "Narrow", "triggers": [queue("narrow", concurrency=1)]}
        async def handler(input, ctx): ...
        """,
    )
    project.step(
        "wide",
        """
        config = {"name": "Wide", "triggers": [queue("wide")]}
        async def handler(input, ctx):
            for _ in range(5):
                await asyncio.sleep(0)
        """,
    )

    async def scenario(app: TestApp) -> None:
        for _ in range(400):
            await app.emit("wide")
        for number in range(5):
            await app.emit("narrow", number)
        await app.until_idle()
        ended = [event.fields["step"] for event in app.events if event.name == "message.settled"]
        assert (ended.count("Narrow"), ended.count("Wide")) == (5, 400)
        last = len(ended) - 1 - ended[::-1].index("Narrow")
        assert ended[last:].count("Wide") > 200

    project.run(scenario, queue={"concurrency": 4})


def test_a_circle_of_steps_is_dead_lettered_after_a_hundred_hops(project: Any) -> None:
    project.step(
        "ping",
        """
        config = {"name": "Ping", "triggers": [queue("ping")]}
        async def handler(input, ctx):
            await ctx.state.increment("s", "runs")
            await ctx.enqueue("ping", {})
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("ping")
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert dead.code == "loop.detected"
        assert await app.state.get("s", "runs") == 101
        assert len({span.trace_id for span in app.spans}) == 1

    project.run(scenario)


def test_one_trace_follows_a_request_through_every_step(project: Any) -> None:
    project.step(
        "chain",
        """
        config = {"name": "First", "triggers": [http("POST", "/go")]}
        async def handler(request, ctx):
            await ctx.enqueue("second", {})
            return {"trace": ctx.trace_id}
        """,
    )
    project.step(
        "second",
        """
        config = {"name": "Second", "triggers": [queue("second")]}
        async def handler(input, ctx):
            await ctx.state.set("s", "k", ctx.trace_id)
        """,
    )
    project.step(
        "third",
        """
        config = {"name": "Third", "triggers": [{"type": "state", "scope": "s"}]}
        async def handler(input, ctx):
            await ctx.trigger_step("Fourth", ctx.trace_id)
        """,
    )
    project.step(
        "fourth",
        """
        config = {"name": "Fourth", "triggers": [queue("nothing")]}
        async def handler(input, ctx):
            await ctx.state.set("end", "trace", [input, ctx.trace_id])
        """,
    )

    async def scenario(app: TestApp) -> None:
        trace = (await app.http.post("/go")).json()["trace"]
        await app.until_idle()
        assert await app.state.get("s", "k") == trace
        assert await app.state.get("end", "trace") == [trace, trace]
        spans = {span.name: span for span in app.spans if span.trace_id == trace}
        assert sorted(spans) == ["First", "Fourth", "Second", "Third"]
        for child, parent in (("Second", "First"), ("Third", "Second"), ("Fourth", "Third")):
            assert spans[child].parent_id == spans[parent].span_id

    project.run(scenario)


def test_a_payload_that_does_not_fit_is_dead_lettered_at_once(project: Any) -> None:
    project.step(
        "strict",
        """
        from pydantic import BaseModel
        class Order(BaseModel):
            id: int
        config = {"name": "Strict", "triggers": [queue("strict", input=Order)]}
        async def handler(input, ctx):
            await ctx.state.set("s", "ran", True)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("strict", {"id": "many"})
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert (dead.code, dead.failures) == ("input.invalid", 1)
        assert await app.state.get("s", "ran") is None

    project.run(scenario)


def test_whatever_a_handler_raises_is_a_failure_of_its_message(project: Any) -> None:
    project.step(
        "raise",
        """
        config = {"name": "Raise", "triggers": [queue("raise", attempts=1)]}
        class Own(BaseException): ...
        async def handler(input, ctx):
            if input == "exit":
                raise SystemExit(3)
            if input == "interrupt":
                raise KeyboardInterrupt
            if input == "own":
                raise Own("mine")
            if input == "cancelled":
                raise asyncio.CancelledError
            if input == "inner":
                inner = asyncio.ensure_future(asyncio.Event().wait())
                inner.cancel()
                await inner
            if input == "memory":
                raise MemoryError
            if input == "deep":
                def deep(): deep()
                deep()
            if input == "text":
                raise ValueError("\\ud800 is no text")
        """,
    )
    project.step(
        "thread",
        """
        import sys
        config = {"name": "Thread", "triggers": [queue("thread", attempts=1)]}
        def handler(input, ctx):
            sys.exit(1) if input == "exit" else next(iter(()))
        """,
    )

    async def scenario(app: TestApp) -> None:
        kinds = ["exit", "interrupt", "own", "cancelled", "inner", "memory", "deep", "text"]
        for kind in kinds:
            await app.emit("raise", kind)
        for kind in ("exit", "stop"):
            await app.emit("thread", kind)
        await app.until_idle()
        dead = await app.dead_letters()
        raised = [encoding.decode(one.payload) for one in dead if one.queue.step == "Raise"]
        assert sorted(raised) == sorted(kinds)
        types = {encoding.decode(one.payload): encoding.decode(one.error)["type"] for one in dead}
        assert types["own"] == "Own"
        assert types["deep"] == "RecursionError"
        assert types["cancelled"] == types["inner"] == "CancelledError"
        assert {one.code for one in dead} == {"handler.raised"}
        assert sum(one.queue.step == "Thread" for one in dead) == 2

    project.run(scenario)


def test_a_result_that_no_json_can_carry_does_not_fail_a_message(project: Any) -> None:
    project.step(
        "junk",
        """
        config = {"name": "Junk", "triggers": [queue("junk", attempts=1)]}
        async def handler(input, ctx):
            return {object(): {1, 2}}
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("junk")
        await app.until_idle()
        assert outcomes(app, "Junk") == ["completed"]

    project.run(scenario)


@pytest.mark.parametrize("refused", [Completed, RunEnd])
def test_an_end_that_can_never_be_stored_fails_the_attempt(
    project: Any, monkeypatch: pytest.MonkeyPatch, refused: type
) -> None:
    project.step(
        "work",
        """
        config = {"name": "Work", "triggers": [queue("work", attempts=2, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            await ctx.step("one", lambda: 1)
        """,
    )

    async def scenario(app: TestApp) -> None:
        backend = app.app.backend
        commit = backend.commit

        def broken(batch: Batch, then: Any = None, otherwise: Any = None) -> Any:
            parts = [one.settlement if isinstance(one, Settle) else one for one in batch.operations]
            if not any(isinstance(one, refused) for one in parts):
                return commit(batch, then, otherwise)
            error = InternalError("the writer failed", code="internal.writer")
            return answered(error, then, otherwise)

        monkeypatch.setattr(backend, "commit", broken)
        await app.emit("work", {})
        await app.advance(30)
        (dead,) = await app.dead_letters()
        assert (dead.code, dead.failures, starts(app, "Work")) == ("internal.writer", 2, 2)
        assert any("could not be stored" in log.message for log in app.logs)

    project.run(scenario, clock=ManualClock())
