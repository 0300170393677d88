"""Flow control through the whole engine: limits, order, messages kept out, put off, bundled or too late."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.ids import parse_id
from motia.engine.why import why
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

SEND_EACH = """
config = {"name": "send", "triggers": []}
async def handler(input, ctx):
    return [await ctx.enqueue("go", item) for item in input]
"""


async def seen(app: TestApp) -> list[Any]:
    return await app.state.get("seen", "list") or []


def record(project: Any, trigger: str, body: str = "", name: str = "take") -> None:
    """A step that notes what it was given."""
    project.step(
        name,
        f"""
        running = {{"now": 0, "most": 0}}
        config = {{"name": "{name}", "triggers": [{trigger}]}}
        async def handler(input, ctx):
            running["now"] += 1
            running["most"] = max(running.values())
            try:
                {body or "pass"}
            finally:
                running["now"] -= 1
            items = input if isinstance(input, list) else [input]
            append = [{{"type": "append", "path": "", "value": item}} for item in items]
            await ctx.state.update("seen", "list", append)
            await ctx.state.set("seen", "most", running["most"])
        """,
    )


def test_a_rate_limit_lets_so_many_start_within_a_period(project: Any) -> None:
    record(project, 'queue("go", rate_limit="2/s")')

    async def scenario(app: TestApp) -> None:
        for number in range(5):
            await app.emit("go", number)
        await app.advance(0.1)
        assert await seen(app) == [0, 1]
        await app.advance(0.8)
        assert await seen(app) == [0, 1]
        await app.advance(0.2)
        assert await seen(app) == [0, 1, 2, 3]
        await app.advance(1.1)
        assert await seen(app) == [0, 1, 2, 3, 4]

    project.run(scenario, clock=ManualClock())


def test_a_rate_limit_by_key_counts_each_value_apart(project: Any) -> None:
    record(project, 'queue("go", rate_limit={"limit": 1, "period": "10s", "key": "user.id"})')

    async def scenario(app: TestApp) -> None:
        for user in ("ann", "ann", "ben"):
            await app.emit("go", {"user": {"id": user}})
        await app.advance(0.1)
        assert [item["user"]["id"] for item in await seen(app)] == ["ann", "ben"]
        await app.advance(10)
        assert [item["user"]["id"] for item in await seen(app)] == ["ann", "ben", "ann"]

    project.run(scenario, clock=ManualClock())


def test_concurrency_by_key_runs_one_of_a_key_at_a_time_and_others_beside_it(project: Any) -> None:
    record(
        project,
        'queue("go", concurrency={"limit": 1, "key": "user"})',
        "await asyncio.sleep(0.02)",
    )

    async def scenario(app: TestApp) -> None:
        for number in range(9):
            await app.emit("go", {"user": f"u{number % 3}", "number": number})
        await app.until_idle()
        items = await seen(app)
        assert len(items) == 9
        for user in ("u0", "u1", "u2"):
            numbers = [item["number"] for item in items if item["user"] == user]
            assert numbers == sorted(numbers)
        assert await app.state.get("seen", "most") == 3

    project.run(scenario)


def test_a_payload_without_the_key_shares_the_empty_one(project: Any) -> None:
    record(project, 'queue("go", concurrency={"limit": 1, "key": "user"})', "await asyncio.sleep(0.01)")

    async def scenario(app: TestApp) -> None:
        for payload in ({"a": 1}, 2, None, "three"):
            await app.emit("go", payload)
        await app.until_idle()
        assert len(await seen(app)) == 4
        assert await app.state.get("seen", "most") == 1

    project.run(scenario)


def test_the_more_urgent_message_runs_first(project: Any) -> None:
    record(project, 'queue("go", priority="urgency", concurrency=1)', "await asyncio.sleep(0.01)")
    project.step(
        "send",
        """
        config = {"name": "send", "triggers": []}
        async def handler(input, ctx):
            urgencies = enumerate([0, 0, 9, 5])
            await ctx.enqueue([{"topic": "go", "data": {"n": n, "urgency": u}} for n, u in urgencies])
            await ctx.enqueue("go", {"n": 4}, priority=99)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.call("send")
        await app.until_idle()
        numbers = [item["n"] for item in await seen(app)]
        # The first may have started before the others came.
        assert [n for n in numbers if n != numbers[0]] == [n for n in [4, 2, 3, 0, 1] if n != numbers[0]]

    project.run(scenario)


def test_duplicates_within_the_window_are_not_stored_and_get_the_first_ones_id(project: Any) -> None:
    record(project, 'queue("go", dedupe={"key": "order", "window": "1m"})')
    project.step("send", SEND_EACH)

    async def scenario(app: TestApp) -> None:
        ids = await app.call(
            "send", [{"order": 1}, {"order": 1, "again": True}, {"order": 2}, {"no": 1}, {"no": 1}]
        )
        assert ids[0] == ids[1]
        assert len(set(ids)) == 4
        await app.advance(0.1)
        assert await seen(app) == [{"order": 1}, {"order": 2}, {"no": 1}, {"no": 1}]
        await app.advance(60)
        later = await app.call("send", [{"order": 1}])
        assert later[0] != ids[0]
        await app.advance(0.1)
        assert len(await seen(app)) == 5

    project.run(scenario, clock=ManualClock())


def test_a_sender_may_name_the_key_of_duplicates(project: Any) -> None:
    record(project, 'queue("go")')
    project.step(
        "send",
        """
        config = {"name": "send", "triggers": []}
        async def handler(input, ctx):
            await ctx.enqueue("go", 1, dedupe="k")
            await ctx.enqueue({"topic": "go", "data": 2, "dedupe": "k"})
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.call("send")
        await app.until_idle()
        assert await seen(app) == [1]

    project.run(scenario)


def test_a_duplicate_that_a_workflow_waits_for_too_gets_the_first_ones_id(project: Any) -> None:
    record(project, 'queue("go", dedupe={"key": "order", "window": "1m"})')
    project.step(
        "wait",
        """
        config = {"name": "wait", "triggers": [queue("wait")]}
        async def handler(input, ctx):
            await ctx.wait_for("go", {"order": 9}, timeout="1h")
        """,
    )
    project.step("send", SEND_EACH)

    async def scenario(app: TestApp) -> None:
        ids = await app.call("send", [{"order": 1}, {"order": 1}])
        assert ids[0] == ids[1]

    project.run(scenario)


def test_debounce_runs_the_last_of_a_burst(project: Any) -> None:
    record(project, 'queue("go", debounce={"period": "2s", "key": "doc", "max": "5s"})')

    async def scenario(app: TestApp) -> None:
        for number in range(3):
            await app.emit("go", {"doc": "a", "n": number})
            await app.advance(1)
        assert await seen(app) == []
        await app.advance(1.1)
        assert await seen(app) == [{"doc": "a", "n": 2}]
        for number in range(3, 9):
            await app.emit("go", {"doc": "a", "n": number})
            await app.advance(1)
        # Put off for 5 seconds at most: the sixth began a burst of its own.
        assert [item["n"] for item in await seen(app)] == [2, 7]
        await app.advance(2)
        assert [item["n"] for item in await seen(app)] == [2, 7, 8]

    project.run(scenario, clock=ManualClock())


def test_a_message_that_could_not_start_in_time_expires(project: Any) -> None:
    record(project, 'queue("go", ttl="5s", delay="10s")')

    async def scenario(app: TestApp) -> None:
        first = await app.emit("go", 1)
        await app.advance(11)
        assert await seen(app) == []
        event = await app.until("message.settled")
        assert event.fields["outcome"] == "expired"
        (line,) = [line for line in app.logs if "expired" in line.message]
        assert line.message == f"message {first} expired before the start"
        assert line.step == "take"
        assert await app.dead_letters() == []
        await app.app.engine.interventions.pause()  # type: ignore[union-attr]
        second = await app.emit("go", 2)
        await app.emit("go", 3)
        await app.advance(120)
        assert app.logs[-1].message == f"message {second}, and 1 more message expired before the start"

    project.run(scenario, clock=ManualClock())


def test_a_batch_comes_when_it_is_full_or_its_time_is_over(project: Any) -> None:
    record(project, 'queue("go", batch={"size": 3, "wait": "2s"})', "ctx.logger.info('ran', n=len(input))")

    async def scenario(app: TestApp) -> None:
        for number in range(4):
            await app.emit("go", {"n": number})
        await app.advance(0.1)
        assert [item["n"] for item in await seen(app)] == [0, 1, 2]
        await app.advance(2)
        assert [item["n"] for item in await seen(app)] == [0, 1, 2, 3]
        assert [event.name for event in app.events].count("invocation.started") == 2
        settled = [event for event in app.events if event.name == "message.settled"]
        assert len(settled) == 4

    project.run(scenario, clock=ManualClock())


def test_after_a_failed_batch_each_message_runs_alone(project: Any) -> None:
    project.step(
        "take",
        """
        config = {"name": "take", "triggers": [queue("go", batch=3, attempts=2, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            if any(item["n"] == 1 for item in input):
                raise ValueError("one of them is bad")
            await ctx.state.update("seen", "list", [{"type": "append", "path": "", "value": len(input)}])
        """,
    )

    async def scenario(app: TestApp) -> None:
        for number in range(3):
            await app.emit("go", {"n": number})
        await app.advance(0.1)
        assert await seen(app) == []
        await app.advance(1.1)
        assert await seen(app) == [1, 1]
        (dead,) = await app.dead_letters()
        assert encoding.decode(dead.payload) == {"n": 1}

    project.run(scenario, clock=ManualClock())


def test_the_items_of_a_batch_are_validated_each_by_the_schema(project: Any) -> None:
    record(project, 'queue("go", batch={"size": 2, "wait": 1}, input={"n": int}, retry_delay=1, jitter=0)')

    async def scenario(app: TestApp) -> None:
        await app.emit("go", {"n": 1})
        await app.emit("go", {"n": "no number"})
        await app.advance(3)
        assert await seen(app) == [{"n": 1}]
        (dead,) = await app.dead_letters()
        assert dead.code == "input.invalid"

    project.run(scenario, clock=ManualClock())


def test_a_typed_batch_handler_gets_models(project: Any) -> None:
    project.step(
        "take",
        """
        from pydantic import BaseModel
        class Order(BaseModel):
            n: int
        @step(queue("go", batch={"size": 2, "wait": 1}))
        async def take(orders: list[Order], ctx: Context):
            await ctx.state.set("seen", "list", [type(order).__name__ + str(order.n) for order in orders])
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("go", {"n": 1})
        await app.emit("go", {"n": 2})
        await app.until_idle()
        assert await seen(app) == ["Order1", "Order2"]

    project.run(scenario)


def test_a_retry_function_decides_by_the_error(project: Any) -> None:
    project.step(
        "take",
        """
        def again(error, attempt):
            if isinstance(error, KeyError):
                return False
            return 5 * attempt
        config = {"name": "take", "triggers": [queue("go", retry=again, attempts=3)]}
        async def handler(input, ctx):
            raise {"key": KeyError, "value": ValueError}[input]("x")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("go", "key")
        await app.advance(0.1)
        assert len(await app.dead_letters()) == 1
        await app.emit("go", "value")
        await app.advance(0.1)
        event = await app.until("message.settled", outcome="retried")
        assert event.fields["due_at_ms"] - app.clock.now_ms() == 5000 - 100
        await app.advance(5)
        retried = [event for event in app.events if event.fields.get("outcome") == "retried"]
        assert retried[1].fields["due_at_ms"] - app.clock.now_ms() > 9000

    project.run(scenario, clock=ManualClock())


def test_retry_after_of_a_response_is_honoured(project: Any) -> None:
    project.step(
        "take",
        """
        class Response:
            headers = {"Retry-After": "42"}
        class Refused(Exception):
            response = Response()
        config = {"name": "take", "triggers": [queue("go")]}
        async def handler(input, ctx):
            raise Refused("429")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("go")
        await app.advance(0)
        event = await app.until("message.settled", outcome="retried")
        assert event.fields["due_at_ms"] - app.clock.now_ms() == 42_000

    project.run(scenario, clock=ManualClock())


def test_a_retry_function_that_fails_is_told_with_its_own_line(project: Any) -> None:
    project.step(
        "take",
        """
        def again(error, attempt):
            return {}["no such rule"]
        config = {"name": "take", "triggers": [queue("go", retry=again, attempts=1)]}
        async def handler(input, ctx):
            raise ValueError("x")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("go")
        await app.until_idle()
        (letter,) = await app.dead_letters()
        assert letter.code == "handler.retry_function"
        error = encoding.decode(letter.error)
        assert error["type"] == "KeyError"
        stack = error["stack"]
        assert stack.index('raise ValueError("x")') < stack.index('return {}["no such rule"]')
        assert stack.endswith("KeyError: 'no such rule'")

    project.run(scenario)


def occupy(project: Any) -> None:
    """A step whose handlers take a place each until `leave` is called."""
    project.step(
        "leave",
        """
        config = {"name": "leave", "triggers": []}
        async def handler(input, ctx):
            await ctx.state.set("busy", "over", True)
        """,
    )
    project.step(
        "busy",
        """
        config = {"name": "busy", "triggers": [queue("busy")]}
        async def handler(input, ctx):
            while not await ctx.state.get("busy", "over"):
                await ctx.sleep(0.5)
        """,
    )


def test_what_waited_for_a_place_starts_within_its_rate(project: Any) -> None:
    occupy(project)
    record(project, 'queue("go", rate_limit="2/s")')

    async def scenario(app: TestApp) -> None:
        for _ in range(2):
            await app.emit("busy", None)
        for number in range(12):
            await app.emit("go", number)
        await app.advance(8)
        assert await seen(app) == []
        await app.call("leave")
        await app.advance(0.6)
        assert await seen(app) == [0, 1]
        await app.advance(1)
        assert await seen(app) == [0, 1, 2, 3]

    project.run(scenario, clock=ManualClock(), queue={"concurrency": 2})


def test_what_is_urgent_overtakes_what_waits_for_a_place(project: Any) -> None:
    occupy(project)
    record(project, 'queue("go", priority="urgency")')

    async def scenario(app: TestApp) -> None:
        for _ in range(2):
            await app.emit("busy", None)
        for urgency in (1, 1, 1, 1, 9):
            last = await app.emit("go", {"urgency": urgency})
        engine = app.app.engine
        assert engine is not None
        [(_, [reason])] = await why(engine.backend, engine.registry, parse_id(last), app.clock.now_ms())
        assert (reason.code, "2 run" in reason.text) == ("places", True)
        await app.call("leave")
        await app.advance(1)
        assert [item["urgency"] for item in await seen(app)] == [9, 1, 1, 1, 1]

    project.run(scenario, clock=ManualClock(), queue={"concurrency": 2})


def test_a_rate_has_its_turn_on_a_node_where_others_always_wait(project: Any) -> None:
    record(project, 'queue("go", rate_limit="100/s")')
    project.step(
        "always",
        """
        config = {"name": "always", "triggers": [queue("always")]}
        async def handler(input, ctx):
            if not await ctx.state.get("seen", "list"):
                await ctx.enqueue("always", None)
        """,
    )

    async def scenario(app: TestApp) -> None:
        for _ in range(8):
            await app.emit("always", None)
        await app.emit("go", 1)
        await app.until_idle()
        assert await seen(app) == [1]

    project.run(scenario, queue={"concurrency": 2})
