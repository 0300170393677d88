"""Handlers that outlive their time: cancelled, given up, refused, released."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia import encoding
from motia.backends.protocol import answered
from motia.core.batch import Batch, Unclaim
from motia.errors import BackendError
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def settled(app: TestApp) -> list[str]:
    return [event.fields["outcome"] for event in app.events if event.name == "message.settled"]


def test_a_hanging_handler_is_cancelled_retried_and_dead_lettered(project: Any) -> None:
    project.step(
        "hang",
        """
        config = {"name": "Hang", "triggers": [queue("hang", timeout=2, attempts=2, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            try:
                await asyncio.Event().wait()
            finally:
                await ctx.state.increment("s", "cleaned")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("hang")
        await app.advance(1.9)
        assert settled(app) == []
        await app.advance(0.3)
        assert settled(app) == ["retried"]
        await app.advance(4)
        assert settled(app) == ["retried", "dead"]
        (dead,) = await app.dead_letters()
        assert dead.code == "handler.timed_out"
        assert encoding.decode(dead.error)["message"] == "expected the handler to end within 2 s"
        assert await app.state.get("s", "cleaned") == 2
        assert [span.status for span in app.spans] == ["timeout", "timeout"]

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_swallows_its_cancellation_is_given_up_and_its_writes_refused(project: Any) -> None:
    project.step(
        "deaf",
        """
        release = asyncio.Event()
        config = {"name": "Deaf", "triggers": [queue("deaf", timeout=1, attempts=2, retry_delay=1, jitter=0)]}
        async def handler(input, ctx):
            if ctx.attempt == 2:
                await ctx.state.set("s", "k", "second")
                release.set()
                return
            while not release.is_set():
                try:
                    await release.wait()
                except BaseException:
                    continue
            try:
                await ctx.state.set("s", "k", "first, too late")
            except Exception as error:
                print("refused", error.code)
            try:
                await ctx.enqueue("deaf", "from the first")
            except Exception as error:
                print("refused", error.code)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("deaf")
        await app.advance(1.1)
        assert settled(app) == []
        await app.advance(2.4)
        assert settled(app) == ["retried"]
        await app.advance(2)
        assert settled(app) == ["retried", "completed"]
        assert await app.state.get("s", "k") == "second"
        refused = [log.message for log in app.logs if log.message.startswith("refused")]
        assert refused == ["refused claim.superseded"] * 2
        assert [(span.attempt, span.status) for span in app.spans] == [(1, "timeout"), (2, "ok")]
        assert app.app.running() == {}

    project.run(scenario, clock=ManualClock(), queue={"cancel_grace_s": 2})


def test_handlers_that_never_end_wear_the_node_out(project: Any) -> None:
    project.step(
        "deaf",
        """
        release = asyncio.Event()
        config = {"name": "Deaf", "triggers": [queue("deaf", timeout=1, attempts=1)]}
        async def handler(input, ctx):
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
        """,
    )
    project.step(
        "free",
        """
        import gc
        config = {"name": "Free", "triggers": [queue("free")]}
        async def handler(input, ctx):
            from sys import modules
            for module in list(modules.values()):
                event = getattr(module, "release", None)
                if isinstance(event, asyncio.Event):
                    event.set()
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("deaf")
        await app.emit("deaf")
        await app.advance(3)
        assert app.app.worn() is None
        await app.emit("deaf")
        await app.advance(3)
        assert app.app.worn() == "3 handlers swallowed their cancellation and never ended"
        assert len(await app.dead_letters()) == 3
        await app.emit("free")
        await app.advance(1)
        assert app.app.worn() is None

    project.run(scenario, clock=ManualClock(), queue={"cancel_grace_s": 1, "concurrency": 8})


def test_a_def_handler_sees_that_it_should_stop(project: Any) -> None:
    project.step(
        "thread",
        """
        import threading
        config = {"name": "Thread", "triggers": [queue("thread", timeout=0.2, attempts=1)]}
        def handler(input, ctx):
            pause = threading.Event()
            while not ctx.cancelled:
                pause.wait(0.01)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("thread")
        await app.until("message.settled", outcome="dead")
        (dead,) = await app.dead_letters()
        assert dead.code == "handler.timed_out"
        assert app.app.worn() is None

    project.run(scenario)


def test_messages_that_only_waited_for_a_thread_are_not_charged(project: Any) -> None:
    project.step(
        "thread",
        """
        import threading
        opened = threading.Event()
        config = {"name": "Thread", "triggers": [queue("thread", timeout=0.3, attempts=1)]}
        def handler(input, ctx):
            if input == "stuck":
                opened.wait(10)
                return
            ctx.state.set("ran", str(input), ctx.attempt)
        """,
    )
    project.step(
        "open",
        """
        import sys
        config = {"name": "Open", "triggers": [queue("open")]}
        async def handler(input, ctx):
            for module in list(sys.modules.values()):
                if hasattr(module, "opened") and hasattr(module, "config"):
                    module.opened.set()
        """,
    )

    async def scenario(app: TestApp) -> None:
        for _ in range(2):
            await app.emit("thread", "stuck")
        for number in range(4):
            await app.emit("thread", number)
        while len(await app.dead_letters()) < 2:
            app._changed.clear()
            await app._changed.wait()
        await app.until("message.settled", outcome="released")
        assert app.app.worn() == "handlers that never ended hold 2 of 2 threads"
        assert await app.state.entries("ran") == {}
        await app.emit("open")
        await app.until_idle()
        assert await app.state.entries("ran") == {"0": 1, "1": 1, "2": 1, "3": 1}
        assert [encoding.decode(dead.payload) for dead in await app.dead_letters()] == ["stuck", "stuck"]

    project.run(scenario, queue={"threads": 2, "cancel_grace_s": 0.2})


def test_drain_lets_finish_what_runs_and_gives_back_the_rest_uncharged(project: Any) -> None:
    project.step(
        "work",
        """
        config = {"name": "Work", "triggers": [queue("work", attempts=1)]}
        async def handler(input, ctx):
            if input == "finishes":
                while not ctx.cancelled and not await ctx.state.get("s", "draining"):
                    await asyncio.sleep(0)
                return
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if input == "hangs":
                    raise
            await asyncio.Event().wait()
        """,
    )
    project.step(
        "tell",
        """
        config = {"name": "Tell", "triggers": [http("POST", "/tell")]}
        async def handler(request, ctx):
            await ctx.state.set("s", "draining", True)
            return {"ok": True}
        """,
    )

    async def scenario(app: TestApp) -> None:
        for kind in ("finishes", "hangs", "deaf"):
            await app.emit("work", kind)
        await app.until("invocation.started")
        draining = asyncio.ensure_future(app.app.drain())
        await app.until("node.draining")
        # Requests are answered while the node drains.
        assert (await app.http.post("/tell")).status_code == 200
        assert (await app.http.get("/ready")).status_code == 503
        late = await app.emit("work", "late")
        await draining
        depths = await app._backend.queue.depths()
        assert [(one.ready, one.claimed, one.dead) for one in depths] == [(3, 0, 0)]
        assert sorted(settled(app)) == ["completed", "released", "released"]
        assert late

    project.run(scenario, drain_s=0.1, queue={"cancel_grace_s": 0.1})


def test_a_drain_waits_for_what_runs_though_storage_takes_nothing_back(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.step(
        "work",
        """
        config = {"name": "Work", "triggers": [queue("work")]}
        async def handler(input, ctx):
            while not go:
                await asyncio.sleep(0.01)
        go = []
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("work")
        await app.until("invocation.started")
        held = await app.emit("work")
        await app.until("message.claimed", message_id=held)
        backend, registry = app.app.backend, app.app.discovered.registry  # type: ignore[union-attr]
        commit = backend.commit

        def refusing(batch: Batch, *more: Any) -> Any:
            if not any(isinstance(one, Unclaim) for one in batch.operations):
                return commit(batch, *more)
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(BackendError("the disk does not answer", code="backend.unavailable"))
            return failed

        monkeypatch.setattr(backend, "commit", refusing)
        draining = asyncio.ensure_future(app.app.drain())
        await app.until("node.draining")
        python: Any = app.app.runtimes["python"]
        python._loader.functions[registry.steps["Work"].handler].__globals__["go"].append(True)
        await draining
        assert settled(app) == ["completed"]
        (told,) = [line for line in app.logs if line.step == "motia"]
        assert told.message.startswith("1 message could not be given back")
        assert told.message.endswith("the disk does not answer")

    project.run(scenario, queue={"concurrency": 1})


def test_a_settlement_that_storage_refuses_is_tried_again(project: Any) -> None:
    project.step(
        "work",
        """
        config = {"name": "Work", "triggers": [queue("work")]}
        async def handler(input, ctx): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        commit = app._backend.commit
        refusals = 2

        def refuse(batch: Batch, then: Any = None, otherwise: Any = None) -> asyncio.Future[Any]:
            nonlocal refusals
            if refusals and type(batch.operations[0]).__name__ == "Settle":
                refusals -= 1
                return answered(BackendError("disk: is full", code="backend.full"), then, otherwise)
            return commit(batch, then, otherwise)

        app._backend.commit = refuse  # type: ignore[method-assign]
        await app.emit("work")
        await app.advance(5)
        assert refusals == 0
        assert settled(app) == ["completed"]
        assert sum("could not be stored yet" in log.message for log in app.logs) == 2

    project.run(scenario, clock=ManualClock())


def test_requests_that_outlive_a_drain_are_interrupted_and_answered(project: Any) -> None:
    project.step(
        "slow",
        """
        release = asyncio.Event()
        config = {"name": "Slow", "triggers": [http("GET", "/slow/:kind")]}
        async def handler(request, ctx):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if request.path_params["kind"] == "hangs":
                    raise
            await release.wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        asked = {}
        for kind in ("hangs", "deaf"):
            asked[kind] = asyncio.ensure_future(app.http.get(f"/slow/{kind}"))
            await app.until("invocation.started")
        await app.app.drain()
        await app.advance(1.9)
        assert not any(one.done() for one in asked.values())
        for kind, after_s in (("hangs", 0.2), ("deaf", 1.5)):
            await app.advance(after_s)
            answer = await asked[kind]
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["code"] == "node.draining"
            assert answer.json()["trace_id"]

    project.run(scenario, clock=ManualClock(), drain_s=2, queue={"cancel_grace_s": 1})
