"""Looking at a project and running its parts by hand, as the console's page does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from desk import Desk, Project

from motia.core.causes import cause_of, normal, place_of
from motia.workbench.example import example_of

ORDERS = """
from pydantic import BaseModel

class Order(BaseModel):
    item: str
    count: int = 1

config = {
    "name": "create-order", "description": "Takes an order.", "flows": ["shop"],
    "triggers": [http("POST", "/orders/:region", body_schema=Order)],
    "enqueues": ["order.created", {"topic": "order.odd", "label": "odd", "conditional": True}],
}

async def handler(request, ctx):
    await ctx.enqueue({"topic": "order.created", "data": request.body})
    return {"status": 201, "body": {"region": request.path_params["region"]}}
"""
PACK = """
config = {"name": "pack/order", "flows": ["shop"], "triggers": [queue("order.created", schema={
    "type": "object", "properties": {"item": {"type": "string"}}})]}

async def handler(data, ctx):
    await ctx.state.set("packed", data["item"], data)
    if data["item"] == "bomb":
        raise ValueError(f"cannot pack {data['item']} number 17")
    return {"packed": data["item"]}
"""
DAILY = """
config = {"name": "daily", "triggers": [cron("0 5 * * *")]}

async def handler(data, ctx):
    ctx.logger.info("ran")
"""
NOOP = """
config = {"name": "outside", "type": "noop", "virtualEmits": ["order.created"], "flows": ["shop"]}
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.step("orders", ORDERS)
    project.step("pack", PACK)
    project.step("daily", DAILY)
    project.step("outside", NOOP)
    return project


def test_steps_and_their_sources_are_shown(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        steps = {step["name"]: step for step in (await desk.get("/steps"))["items"]}
        assert steps.keys() == {"create-order", "pack/order", "daily", "outside"}
        assert steps["outside"]["noop"]
        assert steps["create-order"]["emits"][1] == {
            "topic": "order.odd",
            "label": "odd",
            "conditional": True,
        }
        detail = await desk.get("/steps/create-order")
        assert detail["input_schemas"][0]["schema"]["properties"]["count"]["default"] == 1
        source = await desk.get("/steps/pack%2Forder/source")
        lines = source["text"].splitlines()
        assert lines[source["handler"]["first_line"] - 1].startswith("async def handler")
        assert "return" in lines[source["handler"]["last_line"] - 1]
        missing = await desk.ask("GET", "/steps/nobody/source")
        assert (missing.status_code, missing.json()["code"]) == (404, "step.unknown")

    shop.run(scenario)


def test_a_source_outside_of_the_project_is_never_shown(shop: Project, tmp_path_factory: Any) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "linked_step.py"
    secret.write_text("from motia import *\nconfig = {'name': 'linked', 'triggers': [http('GET', '/x')]}\n"
                      "async def handler(request, ctx):\n    return 'secret'\n")  # fmt: skip
    (shop.folder / "steps" / "linked_step.py").symlink_to(secret)

    async def scenario(desk: Desk) -> None:
        names = [step["name"] for step in (await desk.get("/steps"))["items"]]
        for name in ("linked", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "steps%2Fpack_step.py"):
            answer = await desk.ask("GET", f"/steps/{name}/source")
            assert answer.status_code in (400, 403, 404), (name, names)
            assert "secret" not in answer.text

    shop.run(scenario)


def test_an_endpoint_has_all_that_a_form_needs(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        (endpoint,) = (await desk.get("/endpoints"))["items"]
        assert (endpoint["id"], endpoint["path_params"]) == ("POST /orders/:region", ["region"])
        assert endpoint["example"] == {"item": "text", "count": 1}

    shop.run(scenario)


def test_a_message_is_sent_and_its_trace_named(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        topics = {topic["topic"]: topic for topic in (await desk.get("/topics"))["items"]}
        assert topics["order.created"]["subscribers"] == ["pack/order"]
        assert topics["order.created"]["emitters"] == ["create-order", "outside"]
        sent = await desk.send("POST", "/topics/order.created/messages", {"data": {"item": "cup"}})
        assert sent["queues"] == [{"topic": "order.created", "step": "pack/order"}]
        await desk.app.until("message.settled", trace_id=sent["trace_id"], outcome="completed")
        assert await desk.app.state.get("packed", "cup") == {"item": "cup"}
        lost = await desk.send("POST", "/topics/nobody/messages", {"data": 1})
        assert "no step takes" in lost["warning"]
        assert any(
            line.message == "console: emit" and b'"topic":"nobody"' in (line.data or b"")
            for line in desk.app.logs
        )

    shop.run(scenario)


def test_steps_are_called_and_triggered_by_hand(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        called = await desk.send("POST", "/steps/pack%2Forder/call", {"data": {"item": "cup"}})
        assert (called["ok"], called["result"]) == (True, {"packed": "cup"})
        failed = await desk.send("POST", "/steps/pack%2Forder/call", {"data": {"item": "bomb"}})
        assert (failed["ok"], failed["error"]["type"]) == (False, "ValueError")
        assert "pack_step.py" in failed["error"]["stack"]
        sent = await desk.send(
            "POST", "/steps/pack%2Forder/trigger", {"data": {"item": "pen"}, "delay_s": 60}
        )
        assert (await desk.get("/scheduled"))["items"][0]["id"] == sent["message_id"]
        noop = await desk.ask("POST", "/steps/outside/call", json={"data": 1})
        assert (noop.status_code, noop.json()["code"]) == (409, "step.no_handler")
        bad = await desk.ask("POST", "/steps/daily/trigger", json={"data": 1, "delay_s": "soon"})
        assert (bad.status_code, bad.json()["code"]) == (422, "input.invalid")

    shop.run(scenario)


def test_a_schedule_tells_its_next_runs_and_runs_now(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        (cron,) = (await desk.get("/cron"))["items"]
        assert cron["step"] == "daily"
        assert len(cron["next_ms"]) == 5
        assert cron["next_ms"][1] - cron["next_ms"][0] == 86_400_000
        sent = await desk.send("POST", "/cron/daily/run")
        await desk.app.until("message.settled", trace_id=sent["trace_id"], outcome="completed")
        assert (await desk.ask("POST", "/cron/pack/run")).status_code == 404

    shop.run(scenario)


def test_dead_letters_are_counted_grouped_edited_and_sent_again(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        for item in ("bomb", "bomb", "bomb"):
            body = {"data": {"item": item, "$": 1}}
            sent = await desk.send("POST", "/topics/order.created/messages", body)
            await desk.app.until("message.dead_lettered", trace_id=sent["trace_id"])
        bad = await desk.send("POST", "/topics/order.created/messages", {"data": {"item": 5}})
        await desk.app.until("message.dead_lettered", trace_id=bad["trace_id"])
        listed = await desk.get("/dead-letters", limit=2)
        assert (listed["total"], len(listed["items"])) == (4, 2)
        rest = await desk.get("/dead-letters", limit=2, cursor=listed["next"])
        assert (len(rest["items"]), rest["next"]) == (2, None)
        groups = (await desk.get("/dead-letters/groups"))["items"]
        assert [group["count"] for group in groups] == [3, 1]
        assert groups[0]["message"] == "cannot pack bomb number #"
        one_group = await desk.get("/dead-letters", group=groups[0]["cause"])
        assert one_group["total"] == 3
        queues = (await desk.get("/queues"))["items"]
        assert [queue["dead"] for queue in queues if queue["topic"] == "order.created"] == [4]

        letter = one_group["items"][0]
        edited = {"topic": letter["topic"], "step": letter["step"], "data": {"item": "rose"}}
        again = await desk.send("POST", f"/dead-letters/{letter['id']}/redrive", edited)
        await desk.app.until("message.settled", message_id=again["message_id"], outcome="completed")
        assert await desk.app.state.get("packed", "rose") == {"item": "rose"}
        assert (await desk.ask("GET", f"/dead-letters/{letter['id']}")).status_code == 404
        assert again["trace_id"] == letter["trace_id"]
        # What failed is in the trace with what was done about it: the work went well in the end.
        await desk.app.app.engine.flush_traces()
        trace = await desk.get(f"/traces/{letter['trace_id']}")
        assert (trace["summary"]["status"], trace["summary"]["failures"]) == ("ok", 1)

        purged = await desk.send("POST", "/dead-letters/purge", {"cause": groups[0]["cause"]})
        assert purged == {"purged": 2}
        assert (await desk.send("POST", "/dead-letters/redrive", {"all": True})) == {"redriven": 1}
        nothing = await desk.ask("POST", "/dead-letters/purge", json={})
        assert nothing.status_code == 422
        await desk.app.until_idle()

        [letter] = (await desk.get("/dead-letters", code="input.invalid"))["items"]
        path, queue = (
            f"/dead-letters/{letter['id']}/redrive",
            {"topic": "order.created", "step": "pack/order"},
        )
        forecast = await desk.send("POST", "/dead-letters/redrive", {"step": "pack/order", "dry_run": True})
        assert (forecast["letters"], forecast["would_run"], forecast["refused"]) == (1, [], 1)
        assert forecast["refusals"][0]["code"] == "input.invalid"
        unfit = await desk.ask("POST", path, json={**queue, "data": {"item": 6}})
        assert (unfit.status_code, unfit.json()["code"]) == (422, "input.invalid")
        fit = {**queue, "data": {"item": "tulip"}}
        answers = await asyncio.gather(*(desk.ask("POST", path, json=fit) for _ in range(5)))
        # Those that looked after the first had committed do not find it any more.
        assert sorted(answer.status_code for answer in answers)[0] == 200
        assert all(answer.status_code in (404, 409) for answer in answers if answer.status_code != 200)
        assert sum(answer.status_code == 200 for answer in answers) == 1
        assert (await desk.get("/dead-letters"))["total"] == 0

    shop.step("pack", PACK.replace('"triggers": [queue("order.created", ',
                                   '"triggers": [queue("order.created", retries=0, '))  # fmt: skip
    shop.run(scenario)


def test_messages_and_bulks_are_looked_at_and_cancelled_by_id(shop: Project) -> None:
    shop.step(
        "many",
        """
        @step()
        async def many(input, ctx):
            return await ctx.enqueue_many("order.created", [{"item": str(n)} for n in range(5)], delay="1h")
        """,
    )

    async def scenario(desk: Desk) -> None:
        body = {"data": {"item": "rose"}, "delay_s": 3600}
        sent = await desk.send("POST", "/topics/order.created/messages", body)
        [message] = (await desk.get(f"/messages/{sent['message_id']}"))["items"]
        assert (message["step"], message["status"]) == ("pack/order", "scheduled")
        assert [reason["code"] for reason in message["reasons"]] == ["scheduled"]
        assert await desk.send("POST", f"/messages/{sent['message_id']}/cancel") == {"cancelled": 1}
        gone = await desk.ask("GET", f"/messages/{sent['message_id']}")
        assert (gone.status_code, gone.json()["code"]) == (404, "message.not_found")
        assert (await desk.ask("GET", "/messages/nonsense")).status_code == 422

        called = await desk.send("POST", "/steps/many/call", {"data": None})
        path = f"/bulks/{called['result']}"
        assert (await desk.get("/bulks"))["items"] == [await desk.get(path)]
        assert (await desk.get(path))["waiting"] == 5
        assert await desk.send("POST", f"{path}/cancel") == {"cancelled": 5}
        assert (await desk.get(path))["cancelled"] == 5
        assert (await desk.ask("GET", f"/bulks/{sent['message_id']}")).status_code == 404

        sent = await desk.send("POST", "/topics/order.created/messages", body)
        assert await desk.send("POST", f"/traces/{sent['trace_id']}/cancel") == {"cancelled": 1}

    shop.run(scenario)


def test_states_are_browsed_edited_and_deleted(shop: Project) -> None:
    shop.step(
        "watch",
        """
        config = {"name": "watch", "triggers": [state("prices")]}
        async def handler(change, ctx):
            await ctx.state.set("seen", "last", change["new_value"])
        """,
    )

    async def scenario(desk: Desk) -> None:
        for number in range(5):
            await desk.send("PUT", f"/states/a%2Fb/key-{number}", {"value": {"n": number}})
        assert (await desk.get("/states"))["items"] == [{"scope": "a/b"}]
        page = await desk.get("/states/a%2Fb", limit=3)
        assert [item["key"] for item in page["items"]] == ["key-0", "key-1", "key-2"]
        rest = await desk.get("/states/a%2Fb", limit=3, cursor=page["next"])
        assert [item["key"] for item in rest["items"]] == ["key-3", "key-4"]
        found = await desk.get("/states/a%2Fb", search="KEY-4")
        assert [item["value"] for item in found["items"]] == [{"n": 4}]

        item = await desk.send("PUT", "/states/prices/cup", {"value": 3})
        await desk.app.until_idle()
        assert await desk.app.state.get("seen", "last") == 3
        changed = {"value": 4, "if_version": item["version"]}
        await desk.send("PUT", "/states/prices/cup", changed)
        late = await desk.ask("PUT", "/states/prices/cup", json=changed)
        assert (late.status_code, late.json()["code"]) == (409, "state.version")
        assert (await desk.ask("DELETE", "/states/prices/cup")).status_code == 204
        assert (await desk.ask("GET", "/states/prices/cup")).status_code == 404
        many = {"items": [{"scope": "a/b", "key": "key-0"}, {"scope": "a/b", "key": "none"}]}
        assert await desk.send("POST", "/states/delete", many) == {"deleted": 1}
        assert await desk.send("DELETE", "/states/a%2Fb") == {"deleted": 4}

    shop.run(scenario)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, None),
        ({}, None),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, False),
        ({"type": ["null", "string"], "format": "date"}, "2026-01-01"),
        ({"type": "array", "items": {"enum": ["red", "blue"]}}, ["red"]),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"default": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string", "minLength": 6}}}, "textxx"),
        ({"$ref": "#/$defs/self", "$defs": {"self": {"$ref": "#/$defs/self"}}}, None),
        ({"type": "object", "properties": {"a": True}}, {"a": None}),
    ],
)  # fmt: skip
def test_an_example_fits_its_schema(schema: Any, expected: Any) -> None:
    assert example_of(schema) == expected


def test_failures_that_differ_in_ids_are_one_cause() -> None:
    one = cause_of("pack", "handler.raised", "KeyError", "order 17 of 1a2b3c4d5e6f7a8b is gone")
    assert one == cause_of("pack", "handler.raised", "KeyError", "order 9 of 9f9f3c4d5e6f7a8b is gone")
    assert one != cause_of("send", "handler.raised", "KeyError", "order 17 of 1a2b3c4d5e6f7a8b is gone")
    assert normal("cafe 00000000-0000-4000-8000-000000000000 at 0xff\nmore") == "cafe # at #"
    assert (
        normal("no stock for order_356995e1239a, nor for deadbeef")
        == "no stock for order_#, nor for deadbeef"
    )
    stack = 'File "a.py", line 3, in outer\n  x\nFile "steps/b_step.py", line 9, in handler\n'
    assert (place_of(stack), place_of("")) == ("steps/b_step.py:9 in handler", None)
