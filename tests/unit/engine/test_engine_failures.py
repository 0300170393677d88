"""Steps that are told when a message dies."""

from __future__ import annotations

from typing import Any

import pytest

from motia import encoding
from motia.core.ids import parse_id
from motia.core.workflow import RunId
from motia.testing.app import TestApp


def failing(project: Any, options: str = "") -> None:
    project.step(
        "fail",
        f"""
        config = {{"name": "fail", "triggers": [queue("fail", attempts=1{options})]}}
        async def handler(input, ctx):
            raise ValueError("card refused")
        """,
    )


def listener(project: Any, name: str, triggers: str = "[]", body: str = "") -> None:
    project.step(
        name.replace("-", "_"),
        f"""
        config = {{"name": "{name}", "triggers": {triggers}}}
        async def handler(input, ctx):
            await ctx.state.set("told", "{name}", dict(input))
            {body}
        """,
    )


def test_a_queues_own_step_and_the_applications_are_told(project: Any) -> None:
    failing(project, ', on_failure="refund"')
    listener(project, "refund")
    listener(project, "handle-step-error")
    listener(project, "watch", '[queue("handle-step-error")]')

    async def scenario(app: TestApp) -> None:
        message_id = await app.emit("fail", {"order": 7})
        await app.until_idle()
        for name in ("refund", "handle-step-error"):
            told = await app.state.get("told", name)
            assert (told["stepId"], told["context"], told["retryCount"]) == ("fail", {"order": 7}, 0)
            assert (told["error"]["name"], told["error"]["message"]) == ("ValueError", "card refused")
            assert "fail_step.py" in told["error"]["stack"]
            assert (told["messageId"], told["topic"]) == (message_id, "fail")
        assert len(await app.dead_letters()) == 1
        # One trace leads from the message to what was told of it.
        assert len({span.trace_id for span in app.spans}) == 1

    project.run(scenario)


def test_subscribers_of_the_applications_topic_are_told(project: Any) -> None:
    failing(project)
    listener(project, "watch", '[queue("handle-step-error")]')

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", 1)
        await app.until_idle()
        assert (await app.state.get("told", "watch"))["context"] == 1

    project.run(scenario)


def test_triggering_again_counts_up_and_stays_out_of_the_payload(project: Any) -> None:
    failing(project)
    listener(
        project,
        "handle-step-error",
        body="if input['retryCount'] < 2: await trigger(input['stepId'], "
        "{**input['context'], '__retry': input['retryCount'] + 1})",
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", {"order": 7})
        await app.until_idle()
        told = await app.state.get("told", "handle-step-error")
        assert (told["retryCount"], told["context"]) == (2, {"order": 7})
        assert len(await app.dead_letters()) == 3

    project.run(scenario)


def test_a_step_is_not_told_of_its_own_failure(project: Any) -> None:
    failing(project)
    listener(
        project, "handle-step-error", '[queue("handle-step-error", attempts=1)]', "raise ValueError('too')"
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", 1)
        await app.until_idle()
        assert sorted(letter.queue.step for letter in await app.dead_letters()) == [
            "fail",
            "handle-step-error",
        ]

    project.run(scenario)


def test_a_payload_too_long_to_tell_is_left_out(project: Any) -> None:
    failing(project, ', on_failure="refund"')
    listener(project, "refund")

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", "x" * 1900)
        await app.until_idle()
        told = await app.state.get("told", "refund")
        assert told["context"] is None
        assert told["error"]["message"] == "card refused"

    project.run(scenario, limits={"message_bytes": 2000})


def test_what_is_as_deep_as_may_be_reaches_those_who_are_told_of_it(project: Any) -> None:
    project.step(
        "deep",
        """
        def deep(levels):
            return [deep(levels - 1)] if levels else 1
        config = {"name": "deep", "triggers": [http("GET", "/deep")]}
        async def handler(request, ctx):
            await ctx.enqueue("fail", deep(64))
            await ctx.enqueue("batch", deep(64))
            await ctx.state.set("told", "deep", deep(64))
        """,
    )
    failing(project, ', on_failure="refund"')
    listener(project, "refund")
    project.step(
        "watch",
        """
        watched = {"type": "state", "condition": lambda given: given.key == "deep"}
        config = {"name": "watch", "triggers": [watched]}
        async def handler(input, ctx):
            await ctx.state.set("told", "watch", input.event_type)
        """,
    )
    project.step(
        "batch",
        """
        config = {"name": "batch", "triggers": [queue("batch", batch={"size": 2, "wait": "1ms"})]}
        async def handler(inputs, ctx):
            await ctx.state.set("told", "batch", len(inputs))
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.get("/deep")).status_code == 200
        await app.until_idle()
        assert [letter.queue.step for letter in await app.dead_letters()] == ["fail"]
        assert (await app.state.get("told", "refund"))["context"] is None
        assert await app.state.get("told", "watch") == "created"
        assert await app.state.get("told", "batch") == 1

    project.run(scenario)


def test_a_stack_begins_on_the_authors_own_line(project: Any) -> None:
    project.step(
        "divide",
        """
        config = {"name": "Divide", "triggers": [http("GET", "/divide")]}
        def handler(request, ctx):
            return 1 / 0
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.get("/divide")).status_code == 500
        [told] = [log for log in app.logs if log.level == "error"]
        first, *_, last = encoding.decode(told.data or b"{}")["stack"].splitlines()
        assert first.strip().startswith('File "steps/divide_step.py", line ')
        assert last == "ZeroDivisionError: division by zero"

    project.run(scenario)


def test_a_stack_tells_what_an_error_was_raised_from_and_what_a_group_holds(project: Any) -> None:
    project.step(
        "lookup",
        """
        import json
        async def fails():
            raise LookupError("of a task")
        config = {"name": "Lookup", "triggers": [http("GET", "/chain"), http("GET", "/group")]}
        async def handler(request, ctx):
            if request.path == "/group":
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(fails())
            try:
                json.loads("x")
            except ValueError as error:
                raise RuntimeError("no rates") from error
        """,
    )

    async def scenario(app: TestApp) -> None:
        for path in ("/chain", "/group"):
            assert (await app.http.get(path)).status_code == 500
        chain, group = (
            encoding.decode(log.data or b"{}")["stack"] for log in app.logs if log.level == "error"
        )
        cause, error = chain.split("The above exception was the direct cause of the following exception:")
        assert "steps/lookup_step.py" in cause
        assert cause.rstrip().endswith("JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
        assert error.endswith("RuntimeError: no rates")
        assert "LookupError: of a task" in group
        assert "in fails" in group

    project.run(scenario)


@pytest.mark.parametrize("work", ["await charge()", "await ctx.step('charge', charge)"])
def test_no_secret_is_kept_in_the_error_of_a_message_or_a_run(
    project: Any, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "kept-by-nobody")
    project.step(
        "pay",
        f"""
        import os
        async def charge():
            raise RuntimeError(f"refused: token=abc123, key {{os.environ['SHOP_API_KEY']}}")
        @step(queue("pay", attempts=1))
        async def pay(input, ctx):
            {work}
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("pay", {})
        await app.until("message.dead_lettered")
        (letter,) = await app.dead_letters()
        run = await app.app.backend.workflow.run(RunId(parse_id(message), "pay"))
        for error in (letter.error, run.error if run is not None else letter.error):
            assert b"token=[redacted], key [redacted]" in error
            assert b"abc123" not in error
            assert b"kept-by-nobody" not in error

    project.run(scenario)


def test_a_message_of_many_lines_is_told_once(project: Any) -> None:
    project.step(
        "check",
        """
        from pydantic import BaseModel
        class Order(BaseModel):
            sku: str
            cents: int
        config = {"name": "check", "triggers": [queue("check", attempts=1)]}
        async def handler(input, ctx):
            Order.model_validate(input)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("check", {})
        await app.until_idle()
        (line,) = [log for log in app.logs if log.level == "error"]
        assert line.message == (
            "ValidationError: 2 validation errors for Order …; attempt 1 failed, the message is dead-lettered"
        )
        assert line.data is not None
        assert "Field required" in encoding.decode(line.data)["stack"]
        (letter,) = await app.dead_letters()
        assert "Field required" in encoding.decode(letter.error)["message"]

    project.run(scenario)
