"""State triggers, and `atomic`: all of it or nothing."""

from __future__ import annotations

from typing import Any

from motia.testing.app import TestApp

WATCHER = """
config = {"name": "Watch", "triggers": [state(%s)]}
async def handler(input, ctx):
    await ctx.state.update("seen", "changes", [{"type": "append", "path": "", "value": dict(input)}])
"""


def writer(body: str) -> str:
    lines = "\n".join(f"            {line}" for line in body.strip().splitlines())
    return f"""
        config = {{"name": "Write", "triggers": [queue("write", attempts=1)]}}
        async def handler(input, ctx):
{lines}
        """


def test_a_state_trigger_receives_each_change(project: Any) -> None:
    project.step("watch", WATCHER % '"orders"')
    project.step(
        "write",
        writer(
            """
await ctx.state.set("orders", "a", {"n": 1})
await ctx.state.set("orders", "a", {"n": 2})
await ctx.state.delete("orders", "a")
await ctx.state.delete("orders", "a")
await ctx.state.set("others", "a", 1)
"""
        ),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        same = {"type": "state", "group_id": "orders", "item_id": "a"}
        changes = await app.state.get("seen", "changes")
        assert sorted(changes, key=lambda change: str(change["event_type"])) == [
            {**same, "event_type": "created", "old_value": None, "new_value": {"n": 1}},
            {**same, "event_type": "deleted", "old_value": {"n": 2}, "new_value": None},
            {**same, "event_type": "updated", "old_value": {"n": 1}, "new_value": {"n": 2}},
        ]

    project.run(scenario)


def test_a_state_trigger_may_watch_one_key(project: Any) -> None:
    project.step("watch", WATCHER % '"orders", "a"')
    project.step(
        "write",
        writer('await ctx.state.set("orders", "b", 1)\nawait ctx.state.increment("orders", "a", 5)'),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        (change,) = await app.state.get("seen", "changes")
        assert (change["item_id"], change["new_value"]) == ("a", 5)

    project.run(scenario)


def test_what_fails_inside_atomic_leaves_nothing(project: Any) -> None:
    project.step("watch", WATCHER % '"orders"')
    project.step(
        "write",
        writer(
            """
async with ctx.atomic():
    await ctx.state.set("orders", "a", 1)
    await ctx.enqueue("later", {})
    raise RuntimeError("half way")
"""
        ),
    )
    project.step(
        "later", 'config = {"name": "Later", "triggers": [queue("later")]}\nasync def handler(i, c): ...'
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.state.entries("orders") == {}
        assert app.enqueued("later") == []
        assert await app.state.get("seen", "changes") is None
        assert len(await app.dead_letters()) == 1

    project.run(scenario)


def test_reads_inside_atomic_see_its_writes_in_order(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
await ctx.state.set("s", "old", 1)
await ctx.state.set("s", "n", 10)
async with ctx.atomic():
    ctx.state.set("s", "new", {"list": []})
    ctx.state.delete("s", "old")
    ctx.state.increment("s", "n")
    ctx.state.increment("s", "n", 5)
    ctx.state.update("s", "new", [{"type": "append", "path": "list", "value": 7}])
    inside = [await ctx.state.get("s", "n"), await ctx.state.get("s", "old"), await ctx.state.entries("s")]
    ctx.state.clear("s")
    cleared = await ctx.state.entries("s")
    await ctx.state.set("s", "n", 1)
await ctx.state.set("seen", "inside", [*inside, cleared])
await ctx.state.set("seen", "after", await ctx.state.entries("s"))
"""
        ),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.dead_letters() == []
        assert await app.state.get("seen", "inside") == [16, None, {"n": 16, "new": {"list": [7]}}, {}]
        assert await app.state.get("seen", "after") == {"n": 1}

    project.run(scenario)


def test_a_key_that_another_changed_meanwhile_fails_the_commit(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
try:
    async with ctx.atomic():
        found = await ctx.state.get("s", "k")
        await ctx.call("Other")
        await ctx.state.set("s", "mine", found)
except Exception as error:
    await ctx.state.set("seen", "code", error.code)
"""
        ),
    )
    project.step(
        "other",
        """
        config = {"name": "Other", "triggers": [queue("other")]}
        async def handler(input, ctx):
            await ctx.state.set("s", "k", "other's")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.state.get("seen", "code") == "state.version_conflict"
        assert await app.state.entries("s") == {"k": "other's"}

    project.run(scenario)


def test_an_update_inside_atomic_meets_what_it_finds_but_a_read_of_it_is_guarded(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
async with ctx.atomic():
    await ctx.state.increment("s", "n")
    await ctx.call("Other")
try:
    async with ctx.atomic():
        await ctx.state.increment("s", "n")
        await ctx.state.set("seen", "inside", await ctx.state.get("s", "n"))
        await ctx.call("Other")
except Exception as error:
    await ctx.state.set("seen", "code", error.code)
"""
        ),
    )
    project.step(
        "other",
        """
        config = {"name": "Other", "triggers": [queue("other")]}
        async def handler(input, ctx):
            await ctx.state.increment("s", "n", 10)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.state.entries("seen") == {"code": "state.version_conflict"}
        assert await app.state.get("s", "n") == 21

    project.run(scenario)


def test_calls_inside_atomic_that_nobody_awaits_take_effect_in_order(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
await ctx.state.set("s", 1, "before")
async with ctx.atomic():
    first = ctx.state.get("s", 1)
    ctx.state.set("s", 1, "after")
    seen = [await first, await ctx.state.get("s", "1")]
await ctx.state.set("seen", "both", seen)
"""
        ),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.state.get("seen", "both") == ["before", "after"]

    project.run(scenario)


def test_a_message_of_an_atomic_block_is_claimed_as_it_is_stored(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
async with ctx.atomic():
    sent = await ctx.enqueue("later", {})
await ctx.state.set("seen", "status", [message.status for message in await ctx.queue.get(sent)])
"""
        ),
    )
    project.step(
        "later",
        """
        config = {"name": "Later", "triggers": [queue("later")]}
        async def handler(input, ctx):
            while await ctx.state.get("seen", "status") is None:
                await asyncio.sleep(0)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.state.get("seen", "status") == ["running"]

    project.run(scenario)


def test_a_node_claims_no_more_messages_of_a_commit_than_it_has_room_for(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
async with ctx.atomic():
    sent = [await ctx.enqueue("later", {}) for _ in range(10)]
    sent += await ctx.enqueue([{"topic": "later", "data": {}} for _ in range(10)])
for part in (sent, await ctx.enqueue([{"topic": "other", "data": {}} for _ in range(10)])):
    found = [(await ctx.queue.get(one))[0].status for one in part]
    await ctx.state.update("seen", "claimed", [{"type": "append", "value": found.count("running")}])
"""
        ),
    )
    project.step(
        "later",
        """
        config = {"name": "Later", "triggers": [queue("later"), queue("other")]}
        async def handler(input, ctx): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        assert await app.dead_letters() == []
        assert 3 <= sum(await app.state.get("seen", "claimed")) <= 4

    project.run(scenario, queue={"claim_ahead": 4, "concurrency": 1})


def test_atomic_can_settle_the_message_with_its_writes(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
async with ctx.atomic(settle=True):
    await ctx.state.increment("s", "paid")
raise RuntimeError("after the message was settled")
"""
        ),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until("message.settled", outcome="completed")
        await app.until_idle()
        assert await app.state.get("s", "paid") == 1
        assert await app.dead_letters() == []
        (span,) = app.spans
        assert span.status == "error"

    project.run(scenario)


def test_atomic_blocks_do_not_nest_and_settle_only_messages(project: Any) -> None:
    project.step(
        "nest",
        """
        config = {"name": "Nest", "triggers": [http("POST", "/nest")]}
        async def handler(request, ctx):
            codes = []
            try:
                async with ctx.atomic(), ctx.atomic():
                    ...
            except Exception as error:
                codes.append(error.code)
            try:
                async with ctx.atomic(settle=True):
                    ...
            except Exception as error:
                codes.append(error.code)
            try:
                with ctx.atomic():
                    ...
            except Exception as error:
                codes.append(error.code)
            return codes
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.post("/nest")
        assert answer.json() == ["atomic.nested", "atomic.nothing_to_settle", "atomic.needs_async"]

    project.run(scenario)


def test_an_endless_chain_of_state_triggers_is_stopped(project: Any) -> None:
    project.step(
        "echo",
        """
        config = {"name": "Echo", "triggers": [state("echo")]}
        async def handler(input, ctx):
            await ctx.state.increment("echo", "n")
        """,
    )
    project.step("write", writer('await ctx.state.increment("echo", "n")'))

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert dead.code == "loop.detected"

    project.run(scenario)


def test_a_write_after_the_block_that_settles_says_what_is_wrong(project: Any) -> None:
    project.step(
        "write",
        writer(
            """
async with ctx.atomic(settle=True):
    await ctx.state.set("s", "in", 1)
await ctx.state.set("s", "late", 2)
"""
        ),
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until("message.settled", outcome="completed")
        assert await app.state.entries("s") == {"in": 1}
        assert [span.error["code"] for span in app.spans if span.error] == ["atomic.already_settled"]

    project.run(scenario)


def test_a_write_after_the_message_is_settled_is_refused_by_name(project: Any) -> None:
    project.step(
        "late",
        """
        config = {"name": "Late", "triggers": [queue("late"), http("GET", "/late")]}
        settled, tasks = asyncio.Event(), []
        async def write(ctx):
            await settled.wait()
            try:
                await ctx.state.set("late", "key", True)
            except Exception as error:
                return {"code": error.code, "message": error.message, "hint": error.hint}
        async def handler(input, ctx):
            if ctx.trigger.type == "queue":
                tasks.append(asyncio.create_task(write(ctx)))
                return None
            settled.set()
            return {"status": 200, "body": await tasks[0]}
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("late")
        await app.until("message.settled", step="Late", limit_s=30)
        await app.until_idle()
        refused = (await app.http.get("/late")).json()
        assert refused["code"] == "context.ended"
        assert refused["message"].startswith("Late: a write after the handler had ended")
        assert "await" in refused["hint"]
        assert await app.state.get("late", "key") is None

    project.run(scenario)
