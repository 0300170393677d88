"""Runs that say where they stand, `def` handlers as workflows, and the outside world as a noop."""

from __future__ import annotations

from typing import Any

from motia.core.ids import parse_id
from motia.core.workflow import RunId
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


async def output_of(app: TestApp, message: str, step: str) -> tuple[str, Any]:
    found = await app.app.backend.workflow.run(RunId(parse_id(message), step))
    assert found is not None
    return found.status, found.output


def test_a_run_says_where_it_stands_and_does_not_go_back(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            for number, phase in enumerate(("packing", "sailing")):
                await ctx.set_custom_status({"phase": phase, "number": number})
                await ctx.sleep("1h")
            return "there"

        @step(http("GET", "/orders/:id"))
        async def look(id: str, ctx: Context):
            run = await ctx.get_run(id)
            if run is None:
                raise HTTPError(404, "no such order")
            return {"status": 200, "body": {"is": run.status, "says": run.custom_status, "gave": run.output}}
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("order", {})
        seen = []
        for _ in range(3):
            await app.until_idle()
            seen.append((await app.http.get(f"/orders/{message}")).json())
            await app.advance(hours=1, seconds=1)
        sailing = {"phase": "sailing", "number": 1}
        assert seen == [
            {"is": "suspended", "says": {"phase": "packing", "number": 0}, "gave": None},
            {"is": "suspended", "says": sailing, "gave": None},
            {"is": "completed", "says": sailing, "gave": "there"},
        ]
        # Where it stands is one entry, however often it was said.
        journal = await app.app.backend.workflow.journal(RunId(parse_id(message), "order"))
        assert [entry.name for entry in journal] == ["$status", "sleep", "sleep#2"]
        assert (await app.http.get(f"/orders/{'0' * 32}")).status_code == 404
        bad = await app.http.get("/orders/nonsense")
        assert (bad.status_code, bad.json()["code"]) == (400, "run.bad_id")

    project.run(scenario, clock=ManualClock())


def test_a_def_handler_is_a_workflow_like_any_other(project: Any) -> None:
    project.step(
        "order",
        """
        done = []
        def charge(amount):
            done.append(f"charge {amount}")
            return amount
        async def refund(amount):
            done.append(f"refund {amount}")

        @step(queue("order", retries=0))
        def order(input, ctx):
            paid = ctx.step("charge", charge, input["amount"], undo=refund)
            try:
                ctx.sleep("1h")
            except Exception:
                done.append("a sleep is no failure")
            event = ctx.wait_for("order.closed", match={"id": 1}, timeout="1d")
            halves = ctx.gather(ctx.call("half", paid), ctx.call("half", 10))
            ctx.set_custom_status("nearly done")
            agreed = ctx.approval(bool, expires="1h")
            if not agreed:
                raise HTTPError(400, "refused")
            return [paid, event["by"], *halves]

        @step()
        def half(input, ctx):
            return input / 2
        """,
    )

    async def scenario(app: TestApp) -> None:
        functions = app.app.runtimes["python"]._loader.functions  # type: ignore[attr-defined]
        registry = app.app.discovered.registry  # type: ignore[union-attr]
        done = functions[registry.steps["order"].handler].__globals__["done"]
        for agreed in (True, False):
            done.clear()
            message = await app.emit("order", {"amount": 4})
            await app.until_idle()
            assert app.app.running() == {}
            await app.advance(hours=1, seconds=1)
            await app.until_idle()
            await app.emit("order.closed", {"id": 1, "by": "Ada"})
            await app.until_idle()
            (asked,) = await app.approvals()
            assert (await app.http.post(asked["path"], json=agreed)).status_code == 200
            await app.until_idle()
            if agreed:
                assert await output_of(app, message, "order") == ("completed", b'[4,"Ada",2.0,5.0]')
                assert done == ["charge 4"]
            else:
                assert (await output_of(app, message, "order"))[0] == "failed"
                assert done == ["charge 4", "refund 4"]

    project.run(scenario, clock=ManualClock())


def test_a_noop_stands_for_a_person_and_a_webhook_goes_on_with_the_run(project: Any) -> None:
    """As in Motia 0.x: the flow shows the outside world as a noop, whose answer comes by a webhook."""
    project.step(
        "loan",
        """
        @step(queue("loan.asked"), enqueues=["loan.review"])
        async def loan(input, ctx):
            await ctx.step("file", lambda: input["id"])
            verdict = await ctx.wait_for("loan.reviewed", match={"id": input["id"]}, timeout="7d")
            return verdict["granted"]
        """,
    )
    project.step(
        "clerk",
        """
        config = {
            "type": "noop", "name": "clerk", "description": "A clerk looks at it.",
            "virtualSubscribes": ["loan.review"], "virtualEmits": ["/webhooks/loans/:id"], "flows": ["loans"],
        }
        """,
    )
    project.step(
        "webhook",
        """
        config = {
            "type": "api", "name": "webhook", "path": "/webhooks/loans/:id", "method": "POST",
            "emits": ["loan.reviewed"], "virtualSubscribes": ["/webhooks/loans/:id"], "flows": ["loans"],
        }

        async def handler(req, context):
            data = {"id": req["pathParams"]["id"], "granted": req["body"]["granted"]}
            await context.emit({"topic": "loan.reviewed", "data": data})
            return {"status": 200, "body": {"ok": True}}
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("loan.asked", {"id": "l1"})
        await app.until_idle()
        assert (await output_of(app, message, "loan"))[0] == "suspended"
        for id_ in ("l2", "l1", "l1"):
            answer = await app.http.post(f"/webhooks/loans/{id_}", json={"granted": id_ == "l1"})
            assert answer.status_code == 200, answer
            await app.until_idle()
        assert await output_of(app, message, "loan") == ("completed", b"true")

    project.run(scenario, clock=ManualClock())
