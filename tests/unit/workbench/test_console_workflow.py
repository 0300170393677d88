"""Runs of workflows as the console shows them."""

from __future__ import annotations

from desk import Desk, Project

from motia.testing.clock import ManualClock

ORDER = """
async def charge(amount):
    return {"paid": amount, "receipt": "x" * amount}

@step(queue("order"))
async def order(input, ctx):
    await ctx.step("charge", charge, input["amount"])
    await ctx.sleep("1h")
    signed = await ctx.wait_for_signal("signed", timeout="2h")
    return signed["by"]

@step(queue("order"))
async def audit(input, ctx):
    await ctx.gather(ctx.wait_for("order.closed"), ctx.call("order", input))
"""


def test_runs_are_listed_and_shown_with_what_they_did_and_wait_for(project: Project) -> None:
    project.step("order", ORDER)

    async def scenario(desk: Desk) -> None:
        run = await desk.app.emit("order", {"amount": 5})
        await desk.app.until_idle()
        items = (await desk.get("/runs"))["items"]
        # The step that `audit` called is a run of its own.
        assert sorted(item["step"] for item in items) == ["audit", "order", "order"]
        assert {item["status"] for item in items} == {"suspended"}
        assert [item["step"] for item in (await desk.get("/runs", step="audit"))["items"]] == ["audit"]
        assert (await desk.get("/runs", status="failed"))["items"] == []
        seen, cursor = [], ""
        while cursor is not None:
            page = await desk.get("/runs", limit=2, cursor=cursor)
            seen += page["items"]
            cursor = page["next"]
        assert seen == items

        which = await desk.ask("GET", f"/runs/{run}")
        assert (which.status_code, which.json()["code"]) == (409, "run.ambiguous")
        assert desk.app.app.engine is not None
        await desk.app.app.engine.flush_traces()
        found = await desk.get(f"/runs/{run}", step="order")
        assert (found["status"], found["input"], found["undo"]) == ("suspended", {"amount": 5}, None)
        assert [(one["name"], one["status"]) for one in found["journal"]] == [
            ("charge", "done"),
            ("sleep", "waiting"),
        ]
        assert found["journal"][0]["value"] == {"paid": 5, "receipt": "xxxxx"}
        assert [one["input"] for one in found["journal"]] == [[5], None]
        assert found["timers"] == [{"name": "sleep", "kind": "sleep", "due_at_ms": found["due_at_ms"]}]
        audit = await desk.get(f"/runs/{run}", step="audit")
        assert sorted((one["name"], one["kind"]) for one in audit["waits"]) == [
            ("call order", "call"),
            ("wait order.closed", "wait"),
        ]
        inputs = {one["name"]: one["input"] for one in audit["journal"]}
        assert inputs == {"wait order.closed": None, "call order": {"amount": 5}}

        await desk.app.advance(hours=1, seconds=1)
        await desk.app.until_idle()
        found = await desk.get(f"/runs/{run}", step="order")
        assert found["timers"] == []
        assert [one["status"] for one in found["journal"]] == ["done", "done", "waiting"]
        assert [one["name"] for one in found["waits"]] == ["signal signed"]
        sent = await desk.send("POST", f"/runs/{run}/signal", {"name": "signed", "data": {"by": "Ada"}})
        assert sent == {"woken": 1}
        await desk.app.until_idle()
        found = await desk.get(f"/runs/{run}", step="order")
        assert (found["status"], found["output"], found["waits"]) == ("completed", "Ada", [])
        # The message's other run goes on: it may come to wait.
        assert await desk.send("POST", f"/runs/{run}/signal", {"name": "signed"}) == {"woken": 0}

    project.run(scenario, clock=ManualClock())


def test_a_run_is_cancelled_from_the_console(project: Project) -> None:
    project.step(
        "order",
        ORDER.replace('input["amount"])', 'input["amount"], undo=refund)')
        + """
async def refund(paid):
    return paid["paid"]
""",
    )

    async def scenario(desk: Desk) -> None:
        run = await desk.app.trigger("order", {"amount": 5})
        await desk.app.until_idle()
        assert (await desk.ask("POST", f"/runs/{run}/cancel", json={"undo": 1})).status_code == 422
        assert await desk.send("POST", f"/runs/{run}/cancel") == {"cancelled": 1, "undone": True}
        await desk.app.until_idle()
        found = await desk.get(f"/runs/{run}")
        assert (found["status"], found["undo"]["cause"]["code"]) == ("cancelled", "workflow.cancelled")
        assert [(one["name"], one["kind"], one["value"]) for one in found["journal"]][-1] == (
            "undo charge",
            "undo",
            5,
        )
        again = await desk.ask("POST", f"/runs/{run}/cancel")
        assert (again.status_code, again.json()["code"]) == (409, "run.ended")
        late = await desk.ask("POST", f"/runs/{run}/signal", json={"name": "signed"})
        assert (late.status_code, late.json()["code"]) == (409, "run.ended")
        assert (await desk.ask("POST", f"/runs/{run}/retry", json={"from": 1})).status_code == 422
        unknown = await desk.ask("POST", f"/runs/{run}/retry", json={"from": "ship"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "run.unknown_entry")
        # What was undone is done again.
        assert await desk.send("POST", f"/runs/{run}/retry") == {"anew": ["charge", "undo charge"]}
        await desk.app.until_idle()
        found = await desk.get(f"/runs/{run}")
        assert (found["status"], found["undo"]) == ("suspended", None)
        assert [one["name"] for one in found["journal"]] == ["charge", "sleep"]
        going = await desk.ask("POST", f"/runs/{run}/retry")
        assert (going.status_code, going.json()["code"]) == (409, "run.not_ended")

    project.run(scenario, clock=ManualClock())


def test_what_people_are_asked_is_listed_and_answered_on_the_consoles_port(project: Project) -> None:
    project.step(
        "ask",
        """
        @step(queue("ask"))
        async def ask(input, ctx):
            return await ctx.approval(bool, title="Go on?", expires="1h")
        """,
    )

    async def scenario(desk: Desk) -> None:
        assert (await desk.get("/approvals"))["items"] == []
        run = await desk.app.emit("ask", {})
        await desk.app.until_idle()
        (asked,) = (await desk.get("/approvals"))["items"]
        found = await desk.get(f"/runs/{run}")
        assert found["approvals"] == [asked]
        assert [(one["name"], one["status"], one["value"]) for one in found["journal"]] == [
            ("approval", "waiting", None)
        ]
        assert (asked["title"], asked["schema"]) == ("Go on?", {"type": "boolean"})
        # No session is needed: the link is the access.
        answer = await desk.app.console.post(asked["path"], json=True)
        assert answer.json() == {"status": "accepted"}
        await desk.app.until_idle()
        found = await desk.get(f"/runs/{run}")
        assert (found["output"], found["approvals"]) == (True, [])

    project.run(scenario, clock=ManualClock())


def test_a_large_value_is_shown_by_its_head(project: Project) -> None:
    project.step("order", ORDER)

    async def scenario(desk: Desk) -> None:
        await desk.app.trigger("order", {"amount": 100_000})
        await desk.app.until_idle()
        (run,) = (await desk.get("/runs"))["items"]
        (charge, _) = (await desk.get(f"/runs/{run['id']}"))["journal"]
        assert charge["value"]["$truncated_bytes"] > 100_000
        assert charge["value"]["head"].startswith('{"paid":100000')

    project.run(scenario, clock=ManualClock())


def test_what_names_no_run_is_refused(project: Project) -> None:
    project.step("order", ORDER)

    async def scenario(desk: Desk) -> None:
        for method, path, body, told in (
            ("GET", "/runs/no-id", None, (400, "run.bad_id")),
            ("GET", f"/runs/{'0' * 32}", None, (404, "run.unknown")),
            ("GET", "/runs?status=asleep", None, (422, "input.invalid")),
            ("GET", "/runs?cursor=x", None, (422, "input.invalid")),
            ("POST", f"/runs/{'0' * 32}/signal", {"name": 7}, (422, "input.invalid")),
            ("POST", "/runs/no-id/signal", {"name": "a"}, (400, "run.bad_id")),
            ("POST", f"/runs/{'0' * 32}/signal", {"name": "a"}, (404, "run.unknown")),
        ):
            answer = await desk.ask(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == told, path

    project.run(scenario)
