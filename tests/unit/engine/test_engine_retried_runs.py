"""Runs that have ended and begin again, from a step on or where they failed."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.batch import Batch, Redrive, RetryRun
from motia.core.ids import format_id, parse_id
from motia.core.workflow import RunId
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

ORDER = """
done = []
broken = True
async def do(what):
    done.append(what)
    if what == "ship" and broken:
        raise HTTPError(400, "no truck")
    return what
async def refund(what):
    done.append(f"undo {what}")

@step(queue("order", retries=0))
async def order(input, ctx):
    await ctx.step("reserve", do, "reserve")
    await ctx.step("charge", do, "charge", undo=refund)
    await ctx.sleep("1h")
    await ctx.step("ship", do, "ship", retries=1, delay=0.1)
    return len(done)
"""


def module_of(app: TestApp) -> Any:
    registry = app.app.discovered.registry  # type: ignore[union-attr]
    return app.app.runtimes["python"]._loader.functions[registry.steps["order"].handler].__globals__  # type: ignore[attr-defined]


def test_a_failed_run_goes_on_where_it_failed_and_does_again_what_was_undone(project: Any) -> None:
    project.step("order", ORDER)

    async def scenario(app: TestApp) -> None:
        for operation in (
            lambda run: RetryRun(run, now_ms=app.clock.now_ms()),
            lambda run: Redrive(ids=frozenset((run.message_id,))),
        ):
            done = module_of(app)["done"]
            done.clear()
            module_of(app)["broken"] = True
            run = RunId(parse_id(await app.emit("order", {})), "order")
            await app.until_idle()
            await app.advance(hours=1, seconds=5)
            await app.until_idle()
            assert done == ["reserve", "charge", "ship", "ship", "undo charge"]
            module_of(app)["broken"] = False
            await app.app.backend.commit(Batch((operation(run),)))
            # The hour was slept already.
            await app.until_idle()
            assert done[5:] == ["charge", "ship"]
            found = await app.app.backend.workflow.run(run)
            assert found is not None
            assert (found.status, found.output, found.error) == ("completed", b"7", None)
            assert await app.dead_letters() == []

    project.run(scenario, clock=ManualClock())


def test_a_completed_run_does_a_part_of_it_once_more(project: Any) -> None:
    project.step("order", ORDER)

    async def scenario(app: TestApp) -> None:
        module_of(app)["broken"] = False
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        await app.advance(hours=1, seconds=5)
        await app.until_idle()
        await app.app.backend.commit(Batch((RetryRun(run, "sleep", now_ms=app.clock.now_ms()),)))
        await app.until_idle()
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "suspended"
        await app.advance(hours=1, seconds=5)
        await app.until_idle()
        assert module_of(app)["done"] == ["reserve", "charge", "ship", "ship"]
        found = await app.app.backend.workflow.run(run)
        assert found is not None
        assert found.status == "completed"

    project.run(scenario, clock=ManualClock())


CHANGING = """
version, done = 1, []
async def do(what):
    done.append(what)
    return what

@step(queue("order"))
async def order(input, ctx):
    await ctx.step("reserve", do, "reserve")
    await ctx.step("charge", do, f"charge v{version}", version=version)
    await ctx.sleep(60)
    await ctx.step("ship", do, "ship")
"""


def test_a_held_run_goes_on_with_new_code_from_what_changed(project: Any) -> None:
    project.step("order", CHANGING)

    async def scenario(app: TestApp) -> None:
        module, backend = module_of(app), app.app.backend
        run = RunId(parse_id(await app.emit("order", {})), "order")
        await app.until_idle()
        module["version"] = 2
        await app.advance(61)
        await app.until_idle()
        (held,) = await backend.workflow.runs(status="held")
        assert f"`motia runs retry {format_id(run.message_id)}`" in encoding.decode(held.held.error)["hint"]
        (anew,) = await backend.commit(Batch((RetryRun(run, now_ms=app.clock.now_ms()),)))
        assert anew == {"charge", "sleep", "$held"}
        await app.until_idle()
        assert await backend.workflow.runs(status="held") == []
        await app.advance(61)
        await app.until_idle()
        assert module["done"] == ["reserve", "charge v1", "charge v2", "ship"]
        found = await backend.workflow.run(run)
        assert found is not None
        assert found.status == "completed"

    project.run(scenario, clock=ManualClock())
