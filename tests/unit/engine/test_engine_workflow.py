"""Workflows in a running project: what is done once, what waits, and what is undone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia import encoding
from motia.core.batch import Batch, JournalPut, RecoverNode, RegisterNode
from motia.core.ids import parse_id
from motia.core.workflow import RunId
from motia.errors import BackendError
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock
from motia.workflow.documents import run_document

ORDER = """
done = []
async def charge(amount: int) -> dict:
    done.append(f"charge {amount}")
    return {"payment": "p1"}
async def ship():
    done.append("ship")
    if fail_at == "ship" and done.count("ship") < 3:
        raise ValueError("no truck")
    return "box"
async def refund(result):
    done.append(f"refund {result['payment']}")
fail_at = ""
"""


def _module(app: TestApp, step: str) -> Any:
    """The globals of a step's file."""
    registry = app.app.discovered.registry  # type: ignore[union-attr]
    return app.app.runtimes["python"]._loader.functions[registry.steps[step].handler].__globals__  # type: ignore[attr-defined]


def test_a_step_that_is_done_is_not_done_again_when_a_later_one_fails(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
fail_at = "ship"
@step(queue("order", retries=3, delay=1))
async def order(input, ctx):
    payment = await ctx.step("charge", charge, input["amount"])
    box = await ctx.step("ship", ship)
    await ctx.state.set("orders", "1", [payment, box])
""",
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("order", {"amount": 5})
        await app.advance(30)
        await app.until_idle()
        assert await app.state.get("orders", "1") == [{"payment": "p1"}, "box"]
        assert _module(app, "order")["done"] == ["charge 5", "ship", "ship", "ship"]

    project.run(scenario, clock=ManualClock())


def test_a_sleep_holds_nothing_and_goes_on_in_time(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
@step(queue("order"))
async def order(input, ctx):
    await ctx.step("charge", charge, 1)
    await ctx.sleep("3m")
    await ctx.step("ship", ship)
    return "over"
""",
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        store = app.app.backend.workflow
        found = await store.run(run)
        assert found is not None
        assert (found.status, found.entries) == ("suspended", 2)
        assert app.app.running() == {}
        await app.advance(170)
        assert _module(app, "order")["done"] == ["charge 1"]
        await app.advance(20)
        await app.until_idle()
        found = await store.run(run)
        assert found is not None
        assert (found.status, found.output) == ("completed", b'"over"')
        assert _module(app, "order")["done"] == ["charge 1", "ship"]

    project.run(scenario, clock=ManualClock())


def test_a_result_is_the_model_that_the_function_says_it_returns(project: Any) -> None:
    project.step(
        "order",
        """
import functools
import typing
from pydantic import BaseModel
class Box(BaseModel):
    size: int
async def named() -> Box:
    return Box(size=1)
async def noted() -> typing.Annotated[Box, "of wood"]:
    return Box(size=2)
@functools.wraps(named)
async def wrapped() -> Box:
    return Box(size=3)
async def perhaps() -> Box | None:
    return Box(size=4)
async def number() -> int:
    return 5
async def missing() -> Nothing:
    return 6
@step(queue("order"))
async def order(input, ctx):
    made = [await ctx.step(one.__name__ + str(at), one)
            for at, one in enumerate([named, noted, wrapped, perhaps, number, missing])]
    await ctx.state.set("orders", "1", [f"{type(one).__name__} {one}" for one in made])
""",
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("order", {})
        await app.until_idle()
        assert await app.state.get("orders", "1") == [
            "Box size=1",
            "Box size=2",
            "Box size=3",
            "dict {'size': 4}",
            "int 5",
            "int 6",
        ]

    project.run(scenario)


def test_an_event_is_found_whether_it_comes_before_or_after_the_wait(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            if input["late"]:
                await ctx.sleep(60)
            paid = await ctx.wait_for("payment.paid", match={"order": input["id"]}, timeout="1h")
            return paid["amount"]
        """,
    )

    async def scenario(app: TestApp) -> None:
        store = app.app.backend.workflow
        runs = {}
        for number, late in ((1, False), (2, True), (3, False)):
            message = await app.emit("order", {"id": number, "late": late})
            runs[number] = RunId(parse_id(message), "order")
        await app.until_idle()
        for number in (2, 1):
            await app.emit("payment.paid", {"order": number, "amount": number * 10})
        await app.advance(61)
        await app.until_idle()
        for number in (1, 2):
            found = await store.run(runs[number])
            assert found is not None
            assert (found.status, found.output) == ("completed", b"%d" % (number * 10))
        await app.advance(3600)
        await app.until_idle()
        (letter,) = await app.dead_letters()
        assert letter.code == "workflow.wait_timed_out"

    project.run(scenario, clock=ManualClock())


def test_what_was_done_is_undone_in_reverse_when_a_later_step_fails_for_good(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
async def reserve():
    return 7
def release(number):
    done.append(f"release {number}")
async def never():
    raise RuntimeError("no")
@step(queue("order"))
async def order(input, ctx):
    await ctx.step("reserve", reserve, undo=release)
    await ctx.step("charge", charge, 3, undo=refund)
    await ctx.step("never", never, retries=2, delay=0.1)
""",
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(5)
        await app.until_idle()
        (letter,) = await app.dead_letters()
        assert letter.code == "workflow.step_failed"
        assert _module(app, "order")["done"] == ["charge 3", "refund p1", "release 7"]
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "failed"
        journal = await app.app.backend.workflow.journal(run)
        assert b"RuntimeError" in (journal[2].error or b"")
        names = [entry.name for entry in journal]
        assert names == ["reserve", "charge", "never", "$undo", "undo charge", "undo reserve"]

    project.run(scenario, clock=ManualClock())


def test_other_steps_are_called_and_gathered(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            parts = await ctx.gather(*(ctx.call("half", n, key=str(n)) for n in input["numbers"]))
            try:
                await ctx.call("broken")
            except WorkflowError as error:
                parts.append(error.code)
            return parts

        @step()
        async def half(input, ctx):
            return input / 2

        @step()
        async def broken(input, ctx):
            raise HTTPError(400, "never")
        """,
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {"numbers": [2, 4, 6]})), "order")
        for _ in range(8):
            await app.advance(100)
            await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert (found.status, found.output) == ("completed", b'[1.0,2.0,3.0,"workflow.call_failed"]')

    project.run(scenario, clock=ManualClock())


def test_a_signal_reaches_its_run_and_a_duplicate_does_no_harm(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            first = await ctx.wait_for_signal("approve")
            return [first, ctx.run_id]

        @step(queue("approve"))
        async def approve(input, ctx):
            await ctx.signal(input["run"], "approve", {"by": "ada"})
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("order", {})
        await app.until_idle()
        for _ in range(2):
            await app.emit("approve", {"run": message})
            await app.until_idle()
        found = await app.app.backend.workflow.run(RunId(parse_id(message), "order"))
        assert found is not None
        assert found.output == b'[{"by":"ada"},"%b"]' % message.encode()

    project.run(scenario, clock=ManualClock())


CHANGING = """
version = 1
names = ["audit", "charge", "wait", "ship"]
done = []
async def work(name):
    done.append(name)
@step(queue("order"))
async def order(input, ctx):
    for name in names:
        if name == "wait":
            await ctx.sleep(60)
        else:
            await ctx.step(name, work, name, version=version)
"""


def test_a_run_whose_code_changed_is_held_and_goes_on_with_its_own_code(project: Any) -> None:
    project.step("order", CHANGING)

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        module = _module(app, "order")
        module["version"] = 2
        await app.advance(600)
        await app.until_idle()
        assert await app.dead_letters() == []
        assert module["done"] == ["audit", "charge"]
        held = next(e for e in await app.app.backend.workflow.journal(run) if e.name == "$held")
        assert (held.kind, held.status) == ("marker", "waiting")
        assert b"version 1" in held.error
        (listed,) = await app.app.backend.workflow.runs(status="held")
        document = run_document(listed)
        assert (document["status"], document["held"]["old"]) == ("held", "step version 1")
        assert await app.app.backend.workflow.runs(status="suspended") == []
        assert b"order_step.py" in held.error
        module["version"] = 1
        await app.advance(301)
        await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "completed"
        assert module["done"] == ["audit", "charge", "ship"]
        assert (found.error, await app.dead_letters()) == (None, [])

    project.run(scenario, clock=ManualClock())


def test_other_code_does_nothing_before_it_is_found_out(project: Any) -> None:
    project.step("order", CHANGING)

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        module = _module(app, "order")
        old, module["names"] = module["names"], ["audit", "pay", "wait", "ship"]
        await app.advance(61)
        await app.until_idle()
        held = next(e for e in await app.app.backend.workflow.journal(run) if e.name == "$held")
        assert b"step 'pay' before it" in held.error
        module["names"] = ["audit", "wait", "ship"]
        await app.advance(20)
        assert module["done"] == ["audit", "charge"]
        module["names"] = old
        await app.advance(301)
        await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "completed"
        assert module["done"] == ["audit", "charge", "ship"]

    project.run(scenario, clock=ManualClock())


def test_what_other_code_recorded_does_not_hold_a_run_back(project: Any) -> None:
    project.step(
        "order",
        """
        extra, first = [], ["a", "b"]
        async def work(name):
            await asyncio.sleep(0)
            done.append(name)
        done = []
        @step(queue("order"))
        async def order(input, ctx):
            await ctx.gather(*(ctx.step(name, work, name) for name in first))
            await ctx.sleep(60)
            for name in extra:
                await ctx.step(name, work, name)
        """,
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        module = _module(app, "order")
        module["first"], module["extra"] = ["a", "c"], ["d"]
        await app.advance(61)
        await app.until_idle()
        held = next(e for e in await app.app.backend.workflow.journal(run) if e.name == "$held")
        assert b"'b'" in held.error
        assert sorted(module["done"]) == ["a", "b", "c", "d"]
        module["first"], module["extra"] = ["a", "b"], ["e"]
        await app.advance(301)
        await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "completed"
        assert module["done"][-1] == "e"

    project.run(scenario, clock=ManualClock())


def test_a_step_that_failed_and_was_caught_may_come_again_before_what_is_recorded(project: Any) -> None:
    project.step(
        "order",
        """
        tries = []
        async def shaky():
            tries.append(1)
            raise ValueError("no")
        async def fine():
            return 1
        @step(queue("order"))
        async def order(input, ctx):
            try:
                await ctx.step("shaky", shaky)
            except ValueError:
                await ctx.step("fine", fine)
            await ctx.sleep(1)
            await ctx.step("more", fine)
            await ctx.sleep(60)
        """,
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(90)
        await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert (found.status, len(_module(app, "order")["tries"])) == ("completed", 2)

    project.run(scenario, clock=ManualClock())


def test_a_refused_first_entry_loses_neither_the_run_nor_its_order(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.step(
        "order",
        """
        done = []
        async def work(name):
            await asyncio.sleep(0)
            done.append(name)
            return name
        @step(queue("order", retries=3, delay=1))
        async def order(input, ctx):
            return await ctx.gather(ctx.step("a", work, "a"), ctx.step("b", work, "b"))
        """,
    )

    async def scenario(app: TestApp) -> None:
        backend = app.app.backend
        commit, refused = backend.commit, []

        def refusing(batch: Batch, *more: Any) -> Any:
            names = [one.entry.name for one in batch.operations if isinstance(one, JournalPut)]
            if names and not refused:
                refused.extend(names)
                failed = asyncio.get_running_loop().create_future()
                failed.set_exception(BackendError("the disk says no", code="backend.full"))
                return failed
            return commit(batch, *more)

        monkeypatch.setattr(backend, "commit", refusing)
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(30)
        await app.until_idle()
        assert refused[-1] == "a"
        assert _module(app, "order")["done"] == ["a", "b", "a"]
        found = await backend.workflow.run(run)
        assert found is not None
        assert (found.status, found.output) == ("completed", b'["a","b"]')
        assert not any(entry.name == "$held" for entry in await backend.workflow.journal(run))

    project.run(scenario, clock=ManualClock())


def test_a_step_that_was_stored_though_storage_said_no_is_undone_too(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.step(
        "order",
        ORDER
        + """
@step(queue("order", retries=0))
async def order(input, ctx):
    await ctx.step("charge", charge, 3, undo=refund)
""",
    )

    async def scenario(app: TestApp) -> None:
        backend = app.app.backend
        commit, answers = backend.commit, []

        def unheard(batch: Batch, *more: Any) -> Any:
            stored = commit(batch, *more)
            if answers or not any(isinstance(one, JournalPut) for one in batch.operations):
                return stored
            answers.append(stored)
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(BackendError("it may have been stored", code="backend.unavailable"))
            return failed

        monkeypatch.setattr(backend, "commit", unheard)
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(30)
        await app.until_idle()
        assert _module(app, "order")["done"] == ["charge 3", "refund p1"]
        (letter,) = await app.dead_letters()
        assert letter.code == "backend.unavailable"
        names = [entry.name for entry in await backend.workflow.journal(run)]
        assert names == ["charge", "$unordered", "$undo", "undo charge"]

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_cancels_before_what_is_to_be_undone_says_what_is_left_as_it_is(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
from motia import Cancel
tries = []
@step(queue("order", retries=1, delay=0.1))
async def order(input, ctx):
    tries.append("try")
    if len(tries) > 2:
        return Cancel("enough")
    if len(tries) == 1:
        await ctx.step("charge", charge, 3, undo=refund)
    raise RuntimeError("no truck")
""",
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(30)
        await app.until_idle()
        assert len(_module(app, "order")["tries"]) == 3
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        error = encoding.decode(found.error or b"null")
        assert (found.status, error["message"]) == ("failed", "no truck")
        assert error["undo_failures"] == [{"step": "charge", "code": "workflow.not_undone"}]

    project.run(scenario, clock=ManualClock())


def test_a_short_sleep_that_would_be_a_long_one_keeps_nothing_from_being_undone(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
tries = []
@step(queue("order", retries=1, delay=0.1))
async def order(input, ctx):
    tries.append("try")
    if len(tries) == 2:
        raise RuntimeError("no truck")
    await ctx.sleep(0.1 if len(tries) == 1 else 60)
    await ctx.step("charge", charge, 3, undo=refund)
    raise RuntimeError("no truck")
""",
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.advance(30)
        await app.until_idle()
        assert len(_module(app, "order")["tries"]) == 3
        journal = await app.app.backend.workflow.journal(run)
        assert [(one.name, one.status) for one in journal if one.kind == "undo"] == [("undo charge", "done")]

    project.run(scenario, clock=ManualClock())


def test_a_run_that_is_out_of_time_leaves_nothing_of_what_it_gathered_running(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
began = asyncio.Event()
async def slow():
    began.set()
    try:
        await asyncio.Event().wait()
    finally:
        done.append("slow stopped")
@step(queue("order", retries=0, timeout=1))
async def order(input, ctx):
    await ctx.gather(ctx.step("charge", charge, 3, undo=refund), ctx.step("slow", slow))
""",
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("order", {})
        await _module(app, "order")["began"].wait()
        await app.advance(5)
        await app.until_idle()
        assert _module(app, "order")["done"] == ["charge 3", "slow stopped", "refund p1"]
        (letter,) = await app.dead_letters()
        assert letter.code == "handler.timed_out"

    project.run(scenario, clock=ManualClock())


def test_what_failed_is_named_where_the_error_has_no_message(project: Any) -> None:
    project.step(
        "order",
        """
        async def endless():
            await asyncio.Event().wait()
        async def silent():
            raise OSError
        @step(queue("order", retries=0))
        async def order(input, ctx):
            try:
                await ctx.step("endless", endless, retries=1, delay=0, timeout=0.02)
            except WorkflowError:
                await ctx.step("silent", silent, retries=1, delay=0)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("order", {})
        await app.until("message.settled", outcome="dead")
        assert [line.message for line in app.logs if line.level == "warning"] == [
            "endless: attempt 1 of 2 failed: TimeoutError: it did not end within 0.02 s",
            "silent: attempt 1 of 2 failed: OSError",
        ]
        (letter,) = await app.dead_letters()
        assert encoding.decode(letter.error)["message"] == "workflow step 'silent' failed for good: OSError"

    project.run(scenario)


def test_misuse_is_told_with_a_code(project: Any) -> None:
    project.step(
        "wrong",
        """
        async def nothing():
            await asyncio.sleep(0)
        @step(http("GET", "/not-durable"))
        async def not_durable(request, ctx):
            await ctx.step("a", nothing)
        @step(queue("twice", retries=0))
        async def twice(input, ctx):
            await ctx.gather(ctx.step("a", nothing), ctx.step("a", nothing))
        @step(queue("not-json", retries=0))
        async def not_json(input, ctx):
            await ctx.step("a", lambda: object())
        @step(queue("unknown", retries=0))
        async def unknown(input, ctx):
            await ctx.call("not_jsom", {})
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/not-durable")
        assert (answer.status_code, answer.json()["code"]) == (500, "workflow.not_durable")
        (log,) = [log for log in app.logs if log.level == "error"]
        assert (log.step, "enqueue a message" in log.message) == ("not_durable", True)
        await app.emit("twice", {})
        await app.emit("not-json", {})
        await app.emit("unknown", {})
        await app.until_idle()
        letters = {letter.queue.topic: letter for letter in await app.dead_letters()}
        codes = {topic: letter.code for topic, letter in letters.items()}
        assert codes == {
            "twice": "workflow.name_in_use",
            "not-json": "value.not_json",
            "unknown": "workflow.unknown_step",
        }
        assert b"workflow step 'a': $: expected a value" in letters["not-json"].error
        assert b"call 'not_jsom': no step has this id (did you mean 'not_json'?)" in letters["unknown"].error

    project.run(scenario)


def test_a_called_step_that_kills_its_node_is_an_error_of_its_caller(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            try:
                return await ctx.call("deadly")
            except WorkflowError as error:
                return error.details["error"]["code"]

        @step()
        async def deadly(input, ctx):
            await asyncio.Event().wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until("invocation.started", step="deadly")
        backend = app.app.backend
        store = backend.workflow
        node = bytes(16)
        await backend.commit(Batch((RegisterNode(node, 1, 0, "gone"),)))
        engine = app.app.engine
        assert engine is not None
        claims = [run_.claim for run_ in engine.consumer._running]
        died_ms = app.clock.now_ms()
        (child,) = [claim for claim in claims if claim.queue.step == "deadly"]
        running = frozenset({(child.seq, child.id)})
        recover = RecoverNode(engine.node_id, running, 1, died_ms, b'{"code":"worker.crashed"}')
        commit, commits = backend.commit, []

        def noted(batch: Batch, *then: Any) -> Any:
            commits.append({type(operation).__name__ for operation in batch.operations})
            return commit(batch, *then)

        backend.commit = noted  # type: ignore[method-assign]
        count, buried = await engine.rescuer._recover(recover)
        assert (count, [(claim.id, claim.queue.step) for claim in buried]) == (
            len(claims),
            [(child.id, "deadly")],
        )
        # A second death between two commits would leave the caller waiting for ever.
        assert commits[0] == {"Settle", "Post", "RunEnd", "RecoverNode"}
        await app.until("message.settled", step="order", outcome="completed")
        found = await store.run(run)
        assert found is not None
        assert (found.status, found.output) == ("completed", b'"worker.crashed"')

    project.run(scenario)


def test_a_run_whose_undo_dies_too_says_what_is_left_as_it_is(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            await ctx.step("reserve", lambda: 1, undo=lambda: None)
            await ctx.step("charge", lambda: 2, undo=asyncio.Event().wait)
            await asyncio.Event().wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        run = RunId(parse_id(await app.emit("order", {})), "order")
        backend, engine = app.app.backend, app.app.engine
        assert engine is not None
        await backend.commit(Batch((RegisterNode(bytes(16), 1, 0, "gone"),)))
        while len(await backend.workflow.journal(run)) < 2:
            await asyncio.sleep(0)
        error = b'{"code":"worker.crashed","message":"the process died"}'
        died_ms = app.clock.now_ms()
        while not await app.dead_letters():
            await engine.rescuer._recover(RecoverNode(engine.node_id, None, 1, died_ms, error))
            await asyncio.sleep(0)
        found = await backend.workflow.run(run)
        assert found is not None
        told = encoding.decode(found.error or b"{}")
        assert (found.status, told["code"]) == ("failed", "worker.crashed")
        assert [one["step"] for one in told["undo_failures"]] == ["reserve", "charge"]

    project.run(scenario)


def test_plain_functions_of_many_runs_block_beside_each_other(project: Any) -> None:
    """As many as `queue.threads` says, however few cores there are; and none may hang for what it raises."""
    project.step(
        "meet",
        """
import threading
together = threading.Barrier(16)
@step(queue("meet", attempts=1))
async def meet(input, ctx):
    await ctx.step("meet", together.wait, 40)
    try:
        await ctx.step("next", next, iter(()))
    except RuntimeError as error:
        await ctx.state.set("told", str(input), str(error))
""",
    )

    async def scenario(app: TestApp) -> None:
        for number in range(16):
            await app.emit("meet", number)
        await app.until_idle(45.0)
        told = [await app.state.get("told", str(number)) for number in range(16)]
        assert told == ["the function raised StopIteration"] * 16

    project.run(scenario)


def test_what_a_handler_returns_and_cannot_be_kept_is_its_failure(project: Any) -> None:
    project.step(
        "odd",
        ORDER
        + """
@step(queue("run"))
async def run(input, ctx):
    await ctx.step("charge", charge, 1, undo=refund)
    return object() if input["what"] == "odd" else "x" * 2_000_000
@step(queue("asked"))
async def asked(input):
    return object() if input["what"] == "odd" else "x" * 2_000_000
@step(queue("asks"))
async def asks(input, ctx):
    return await ctx.call("asked", input)
""",
    )

    async def scenario(app: TestApp) -> None:
        for what in ("odd", "large"):
            for topic in ("run", "asks"):
                await app.emit(topic, {"what": what})
        await app.until_idle()
        letters = [(letter.queue.step, letter.code) for letter in await app.dead_letters()]
        assert sorted(letters) == [
            ("asked", "value.not_json"),
            ("asked", "workflow.result_too_large"),
            ("asks", "workflow.call_failed"),
            ("asks", "workflow.call_failed"),
            ("run", "value.not_json"),
            ("run", "workflow.result_too_large"),
        ]
        assert _module(app, "run")["done"].count("refund p1") == 2
        (odd, _) = [letter for letter in await app.dead_letters() if letter.queue.step == "asked"][::-1]
        assert b"asked: what it returned: $: expected a value that JSON can carry, got object" in odd.error
        # Where nobody keeps it, it may be anything.
        await app.emit("asked", {"what": "odd"})
        await app.until("message.settled", step="asked", outcome="completed")

    project.run(scenario)


def test_what_a_handler_does_on_its_way_out_of_a_wait_is_done_after_the_wait(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
@step(queue("order"))
async def order(input, ctx):
    try:
        await ctx.step("charge", charge, 1)
        await ctx.sleep("3m")
    finally:
        done.append(f"out of {ctx.run_id[:4]}")
        await ctx.step("ship", ship)
@step(queue("plain"))
def plain(input, ctx):
    try:
        ctx.sleep("3m")
    finally:
        ctx.step("ship", ship)
""",
    )

    async def scenario(app: TestApp) -> None:
        runs = [RunId(parse_id(await app.emit(topic, {})), topic) for topic in ("order", "plain")]
        await app.until_idle()
        done = _module(app, "order")["done"]
        assert "ship" not in done
        for run in runs:
            found = await app.app.backend.workflow.run(run)
            assert found is not None
            assert found.status == "suspended"
        await app.advance(200)
        await app.until_idle()
        assert [one[:6] for one in done if one != "ship"] == ["charge", "out of", "out of"]
        assert done.count("ship") == 2
        for run in runs:
            found = await app.app.backend.workflow.run(run)
            assert found is not None
            assert found.status == "completed"

    project.run(scenario, clock=ManualClock())


def test_a_group_of_tasks_waits_and_is_undone_as_one(project: Any) -> None:
    project.step(
        "order",
        ORDER
        + """
@step(queue("order"))
async def order(input, ctx):
    await ctx.step("charge", charge, 1, undo=refund)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(ctx, name)) for name in input]
    return [task.result() for task in tasks]
async def one(ctx, name):
    await (ctx.wait_for("long") if name == "long" else ctx.sleep("3m"))
    return await ctx.step(name, charge, 2)
""",
    )

    async def scenario(app: TestApp) -> None:
        goes_on = RunId(parse_id(await app.emit("order", ["a"])), "order")
        waits = RunId(parse_id(await app.emit("order", ["a", "long"])), "order")
        await app.until_idle()
        await app.advance(200)
        await app.until_idle()
        store = app.app.backend.workflow
        found = await store.run(goes_on)
        assert found is not None
        assert (found.status, found.output) == ("completed", b'[{"payment":"p1"}]')
        assert await app.dead_letters() == []
        found = await store.run(waits)
        assert found is not None
        assert found.status == "suspended"
        assert app.app.engine is not None
        await app.app.engine.interventions.cancel([waits.message_id])
        await app.until_idle()
        found = await store.run(waits)
        assert found is not None
        assert found.status == "cancelled"
        assert _module(app, "order")["done"].count("refund p1") == 1

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_catches_its_wait_is_told_so(project: Any) -> None:
    project.step(
        "order",
        """
@step(queue("order"))
async def order(input, ctx):
    await ctx.sleep("2s")
    try:
        await ctx.wait_for("paid")
    except:
        return "early"
@step(queue("caught"))
async def caught(input, ctx):
    await asyncio.gather(ctx.sleep("3m"), ctx.step("a", lambda: 1), return_exceptions=True)
""",
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("order", {})
        await app.emit("caught", {})
        await app.advance(10)
        await app.until_idle()
        told = sorted(line.message for line in app.logs if "returned while it waits" in line.message)
        assert [one.partition(":")[0] for one in told] == [
            "the handler returned while it waits at 'sleep'",
            "the handler returned while it waits at 'wait paid'",
        ]

    project.run(scenario, clock=ManualClock())
