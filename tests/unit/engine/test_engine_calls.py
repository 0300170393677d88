"""What a handler's calls do: order, un-awaited work, threads, errors it looked at."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from motia import encoding
from motia.errors import DefinitionError, HandlerError
from motia.testing.app import TestApp


def test_a_handler_reads_what_it_wrote(project: Any) -> None:
    project.step(
        "write",
        """
        config = {"name": "Write", "triggers": [queue("write")]}
        async def handler(input, ctx):
            await ctx.state.set("s", "a", 1)
            ctx.state.set("s", "b", 2)
            one = await ctx.state.get("s", "a")
            two, entries = await asyncio.gather(ctx.state.get("s", "b"), ctx.state.entries("s"))
            scan = ctx.state.entries
            more = await asyncio.gather(scan("s"), ctx.state.get("s", "a"), scan("s"))
            await ctx.state.set("seen", "all", [one, two, entries, more])
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("write")
        await app.until_idle()
        both = {"a": 1, "b": 2}
        assert await app.state.get("seen", "all") == [1, 2, both, [both, 1, both]]

    project.run(scenario)


def test_an_error_that_the_handler_caught_does_not_fail_it(project: Any) -> None:
    project.step(
        "clash",
        """
        from motia.errors import ConflictError
        config = {"name": "Clash", "triggers": [queue("clash")]}
        async def handler(input, ctx):
            await ctx.state.set("s", "k", 1)
            try:
                await ctx.state.set("s", "k", 2, if_version=0)
            except ConflictError as error:
                await ctx.state.set("s", "code", error.code)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("clash")
        settled = await app.until("message.settled")
        assert settled.fields["outcome"] == "completed"
        assert await app.state.get("s", "k") == 1
        assert await app.state.get("s", "code") == "state.version_conflict"

    project.run(scenario)


def test_an_error_nobody_looked_at_fails_the_attempt_after_the_other_work_is_done(project: Any) -> None:
    project.step(
        "forgetful",
        """
        config = {"name": "Forgetful", "triggers": [queue("forget", attempts=1)]}
        async def handler(input, ctx):
            ctx.state.set("s", "k", 1, if_version=7)
            for number in range(100):
                ctx.state.set("s", str(number), number)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("forget")
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert dead.code == "state.version_conflict"
        assert len(await app.state.entries("s")) == 100

    project.run(scenario)


def test_unawaited_writes_are_stored_before_the_response(project: Any) -> None:
    project.step(
        "accept",
        """
        config = {"name": "Accept", "triggers": [http("POST", "/accept")], "enqueues": ["later"]}
        async def handler(request, ctx):
            ctx.state.set("s", "k", request.body)
            ctx.enqueue("later", {"n": 1})
            ctx.state.compare_and_set("s", "c", None, 5)
            return {"status": 202, "body": None}
        """,
    )
    project.step(
        "later",
        """
        config = {"name": "Later", "triggers": [queue("later")]}
        async def handler(input, ctx): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.post("/accept", json={"x": 1})
        assert answer.status_code == 202
        assert await app.state.get("s", "k") == {"x": 1}
        assert await app.state.get("s", "c") == 5
        assert app.enqueued("later") == [{"n": 1}]

    project.run(scenario)


def test_a_response_waits_for_a_failing_unawaited_write_and_fails(project: Any) -> None:
    project.step(
        "accept",
        """
        config = {"name": "Accept", "triggers": [http("POST", "/accept")]}
        async def handler(request, ctx):
            ctx.state.set("s", "k", 1, if_version=9)
            return {"ok": True}
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.post("/accept")
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.json()["trace_id"]) == 32
        (log,) = app.logs
        assert (log.level, log.step, log.data is not None) == ("warning", "Accept", True)
        assert "expected version 9" in log.message

    project.run(scenario)


def test_compare_and_set_goes_on_after_a_conflict_with_others(project: Any) -> None:
    project.step(
        "add",
        """
        config = {"name": "Add", "triggers": [queue("add")]}
        async def handler(input, ctx):
            while True:
                found = await ctx.state.get("s", "n")
                if await ctx.state.compare_and_set("s", "n", found, (found or 0) + 1):
                    return
        """,
    )

    async def scenario(app: TestApp) -> None:
        for _ in range(50):
            await app.emit("add")
        await app.until_idle()
        assert await app.state.get("s", "n") == 50
        assert await app.dead_letters() == []
        assert {event.fields["outcome"] for event in app.events if event.name == "message.settled"} == {
            "completed"
        }

    project.run(scenario)


def test_a_def_handler_blocks_on_its_calls(project: Any) -> None:
    project.step(
        "blocking",
        """
        import threading
        config = {"name": "Blocking", "triggers": [http("POST", "/blocking")]}
        def handler(request, ctx):
            assert threading.current_thread() is not threading.main_thread()
            ctx.state.set("s", "k", {"n": 1})
            number = ctx.state.increment("s", "count", 3)
            with ctx.atomic():
                ctx.state.set("s", "a", 1)
                message = ctx.enqueue("nobody", {})
            return {"k": ctx.state.get("s", "k"), "count": number, "message": len(message)}
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.post("/blocking")
        assert answer.json() == {"k": {"n": 1}, "count": 3, "message": 36}
        assert await app.state.get("s", "a") == 1

    project.run(scenario)


def test_a_blocking_handler_does_not_keep_others_waiting(project: Any) -> None:
    project.step(
        "blocking",
        """
        import threading
        opened = threading.Event()
        config = {"name": "Blocking", "triggers": [http("GET", "/blocking")]}
        def handler(request, ctx):
            assert opened.wait(10)
            return {"ok": True}
        """,
    )
    project.step(
        "open",
        """
        import sys
        config = {"name": "Open", "triggers": [http("GET", "/open")]}
        async def handler(request, ctx):
            for module in list(sys.modules.values()):
                if getattr(module, "config", {}) and hasattr(module, "opened"):
                    module.opened.set()
            return {"ok": True}
        """,
    )

    async def scenario(app: TestApp) -> None:
        import asyncio

        waiting = asyncio.ensure_future(app.http.get("/blocking"))
        await app.until("invocation.started", step="Blocking")
        assert (await app.http.get("/open")).status_code == 200
        assert (await waiting).json() == {"ok": True}

    project.run(scenario)


def test_print_is_a_log_line_of_its_step(project: Any) -> None:
    project.step(
        "talk",
        """
        import sys
        config = {"name": "Talk", "triggers": [queue("talk")]}
        def helper():
            print("from", "a thread")
        async def handler(input, ctx):
            print("hello", {"n": 1})
            print("to stderr", file=sys.stderr)
            await asyncio.to_thread(helper)
            ctx.logger.info("proper", {"id": 7})
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("talk")
        await app.until_idle()
        lines = [(log.level, log.message) for log in app.logs if log.step == "Talk"]
        assert lines == [
            ("info", "hello {'n': 1}"),
            ("error", "to stderr"),
            ("info", "from a thread"),
            ("info", "proper"),
        ]
        trace = app.spans[0].trace_id
        assert {log.trace_id for log in app.logs if log.step == "Talk"} == {trace}

    project.run(scenario)


def test_what_logging_is_told_keeps_its_level_and_its_step(project: Any) -> None:
    project.step(
        "talk",
        """
        import logging
        log = logging.getLogger("shop.talk")
        log.propagate = False  # pytest has a handler of its own at the root
        config = {"name": "Talk", "triggers": [queue("talk")]}
        async def handler(input, ctx):
            log.warning("low on %s", "tea")
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("divided")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("talk")
        await app.until_idle()
        warning, error = (log for log in app.logs if log.step == "Talk")
        assert (warning.level, warning.message, warning.trace_id) == (
            "warning",
            "low on tea",
            app.spans[0].trace_id,
        )
        assert encoding.decode(warning.data or b"") == {"logger": "shop.talk"}
        assert (error.level, error.message) == ("error", "divided")
        assert encoding.decode(error.data or b"")["error"]["type"] == "ZeroDivisionError"

    project.run(scenario)


def test_calls_outside_a_handler_say_how_to_make_them(project: Any) -> None:
    project.step(
        "thread",
        """
        import threading
        config = {"name": "Thread", "triggers": [queue("thread", attempts=1)]}
        def handler(input, ctx):
            caught = []
            def work():
                try:
                    enqueue("x", {})
                except Exception as error:
                    caught.append(error)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            raise caught[0]
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("thread")
        await app.until_idle()
        (dead,) = await app.dead_letters()
        assert dead.code == "context.missing"

    project.run(scenario)


def test_a_cancelled_call_is_not_an_error_of_the_handler(project: Any) -> None:
    project.step(
        "slow",
        """
        config = {"name": "Slow", "triggers": [queue("slow")]}
        async def handler(input, ctx):
            await asyncio.Event().wait()
        """,
    )
    project.step(
        "impatient",
        """
        config = {"name": "Impatient", "triggers": [queue("impatient", attempts=1)]}
        async def handler(input, ctx):
            try:
                await asyncio.wait_for(ctx.call("Slow", durable=False), 0.01)
            except TimeoutError:
                await ctx.state.set("s", "timed_out", True)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("impatient")
        await app.until("message.settled", outcome="completed")
        assert await app.state.get("s", "timed_out") is True

    project.run(scenario)


def test_call_gives_the_result_or_the_error_of_the_step(project: Any) -> None:
    project.step(
        "double",
        """
        config = {"name": "Double", "triggers": [queue("double")]}
        async def handler(input, ctx):
            if input is None:
                raise ValueError("nothing to double")
            return {"twice": input * 2}
        """,
    )
    project.step(
        "ask",
        """
        config = {"name": "Ask", "triggers": [http("GET", "/ask")]}
        async def handler(request, ctx):
            try:
                await ctx.call("Double")
            except Exception as error:
                failed = str(error)
            return {"result": await ctx.call("Double", 21), "failed": failed}
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/ask")
        assert answer.json() == {"result": {"twice": 42}, "failed": "nothing to double"}
        with pytest.raises(HandlerError) as failed:
            await app.call("Double")
        assert failed.value.type_name == "ValueError"

    project.run(scenario)


def test_a_forgotten_await_is_named(project: Any) -> None:
    project.step(
        "forgot",
        """
        @step()
        async def begin(ctx: Context):
            await ctx.state.set("s", "k", 1)

        @step()
        async def truth(ctx: Context):
            if ctx.state.get("s", "k"):
                return "always"

        @step()
        async def equal(ctx: Context):
            return ctx.state.get("s", "k") == 1

        @step()
        async def loop(ctx: Context):
            return [item for item in ctx.state.list("s")]

        @step()
        async def member(ctx: Context):
            return "k" in ctx.state.list_groups()

        @step()
        async def field(ctx: Context):
            return ctx.state.get("s", "k")["name"]

        @step()
        async def number(ctx: Context):
            return ctx.state.increment("s", "n") + 1

        @step(http("GET", "/answer"))
        async def answer(ctx: Context):
            return {"found": ctx.state.get("s", "k")}

        @step()
        async def waited(ctx: Context):
            first, second = ctx.state.get("s", "k"), ctx.state.get("s", "k")
            assert first != second and first in {first}
            return await asyncio.gather(first, asyncio.shield(second))
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.call("begin")
        for name in ("truth", "equal", "loop", "member"):
            with pytest.raises(HandlerError) as caught:
                await app.call(name)
            assert caught.value.code == "context.not_awaited", name
        for name in ("field", "number"):
            with pytest.raises(HandlerError, match=r"object|operand") as caught:
                await app.call(name)
            assert "write `await` before it" in caught.value.stack, name
        assert await app.call("waited") == [1, 1]
        assert (await app.http.get("/answer")).json()["code"] == "handler.bad_result"

    project.run(scenario)


def test_what_a_handler_sends_wrongly_is_its_own_fault_and_not_its_callers(project: Any) -> None:
    project.step(
        "front",
        """
        @step(http("GET", "/call/:name"))
        async def front(name: str, ctx: Context):
            return await ctx.call(name, {"number": "x"})

        @step(http("GET", "/enqueue"))
        async def put(ctx: Context):
            await ctx.enqueue({"topic": "a", "payload": 1})

        @step(queue("count"))
        async def count(number: int): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        for path, code in (
            ("/call/count", "input.invalid"),
            ("/call/cuont", "step.unknown"),
            ("/enqueue", "enqueue.no_data"),
        ):
            answer = await app.http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (500, code)
            assert {"errors", "detail"}.isdisjoint(answer.json())

    project.run(scenario)


def test_who_sent_a_body_in_another_form_is_told_so(project: Any) -> None:
    project.step(
        "order",
        """
        @step(http("POST", "/orders"))
        async def order(sku: str): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await app.http.post("/orders", content=b' {"sku": "tea"}', headers=form)
        assert answer.status_code == 422
        assert answer.json()["hint"].endswith("to send JSON, add content-type: application/json")
        assert (await app.http.post("/orders", content=b"sku=tea", headers=form)).status_code == 200
        for content, headers in ((b"skuu=tea", form), (b"", form), (b"{", {})):
            assert "hint" not in (await app.http.post("/orders", content=content, headers=headers)).json()
        zipped = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = await app.http.post("/orders", content=gzip.compress(b'{"sku": "tea"}'), headers=zipped)
        assert answer.status_code == 400
        assert answer.json()["hint"] == "bodies are taken as they are: send it without content-encoding"

    project.run(scenario)


def test_a_step_that_cannot_be_bound_is_out_and_the_others_serve(project: Any) -> None:
    project.step(
        "odd",
        """
        @step(http("POST", "/odd"))
        async def odd(order: Ordr): ...

        @step(http("GET", "/good"))
        async def good(): ...
        """,
    )

    async def scenario() -> None:
        async with TestApp(project.folder, strict=False) as app:
            (problem,) = app.app.problems
            assert isinstance(problem, DefinitionError)
            place = (problem.code, problem.path, problem.line, problem.step)
            assert place == ("step.bad_signature", "steps/odd_step.py", 5, "odd")
            assert list(app.app.discovered.registry.steps) == ["good"]
            assert (await app.http.post("/odd")).status_code == 404

    asyncio.run(scenario())
