"""Traces, logs, errors and flows through the console."""

from __future__ import annotations

import json

import pytest
from desk import Desk, Project

CREATE = """
config = {"name": "create", "flows": ["shop"], "triggers": [http("POST", "/orders")],
          "enqueues": ["order.created", "order.lost"]}

async def handler(request, ctx):
    ctx.logger.info("created", {"item": request.body["item"], "password": "hunter2"})
    await ctx.enqueue({"topic": "order.created", "data": request.body})
    await ctx.enqueue({"topic": "order.audit", "data": request.body})
    return {"ok": True}
"""
PACK = """
config = {"name": "pack", "flows": ["shop"], "triggers": [queue("order.created", retries=0)]}

async def handler(data, ctx):
    if data["item"].startswith("bomb"):
        raise ValueError(f"cannot pack {data['item']}")
    await ctx.state.set("packed", data["item"], data)
"""
PAY = """
tries = {}
config = {"name": "pay", "triggers": [http("POST", "/payments"),
          queue("payment", retries=2, retry_delay=0.001, jitter=0)], "enqueues": ["payment"]}

async def handler(data, ctx):
    if ctx.is_http():
        await ctx.enqueue({"topic": "payment", "data": data.body})
        return {}
    tries[data["failing"]] = tries.get(data["failing"], 0) + 1
    if tries[data["failing"]] <= data["failing"]:
        raise ValueError("the bank is busy")
"""
AUDIT = """
config = {"name": "audit", "flows": ["shop"], "triggers": [queue("order.audit")]}

async def handler(data, ctx):
    ctx.logger.warning("audited")
"""
WATCH = """
config = {"name": "watch", "flows": ["shop"], "triggers": [state("packed")]}

async def handler(change, ctx):
    pass
"""
NOOP = """
config = {"name": "outside", "type": "noop", "virtualEmits": ["order.created"], "flows": ["shop"]}
"""
OTHER = """
config = {"name": "other", "flows": ["elsewhere"], "triggers": [http("GET", "/other")]}

async def handler(request, ctx):
    return "x"
"""


@pytest.fixture
def shop(project: Project) -> Project:
    for name, source in {
        "create": CREATE, "pack": PACK, "audit": AUDIT, "watch": WATCH, "outside": NOOP, "other": OTHER,
    }.items():  # fmt: skip
        project.step(name, source)
    return project


async def order(desk: Desk, item: str) -> None:
    answer = await desk.app.http.post("/orders", json={"item": item})
    assert answer.status_code == 200
    await desk.app.until_idle()
    assert desk.app.app.engine is not None
    await desk.app.app.engine.flush_traces()


def test_traces_are_listed_filtered_and_looked_into(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        for item in ("cup", "bomb 1", "bomb 22"):
            await order(desk, item)
        await desk.app.http.get("/other")
        assert desk.app.app.engine is not None
        await desk.app.app.engine.flush_traces()
        everything = await desk.get("/traces")
        assert [trace["name"] for trace in everything["items"]] == ["other", "create", "create", "create"]
        failed = await desk.get("/traces", status="failed")
        assert [trace["error"] for trace in failed["items"]] == ["cannot pack bomb 22", "cannot pack bomb 1"]
        assert len((await desk.get("/traces", flow="elsewhere"))["items"]) == 1
        assert len((await desk.get("/traces", step="audit", kind="http"))["items"]) == 3
        assert (await desk.get("/traces", min_us=10**9))["items"] == []
        assert len((await desk.get("/traces", text="BOMB 22"))["items"]) == 1
        first = await desk.get("/traces", limit=3)
        assert [trace["name"] for trace in (await desk.get("/traces", cursor=first["next"]))["items"]] == [
            "create"
        ]
        bad = await desk.ask("GET", "/traces", params={"status": "bad"})
        assert (bad.status_code, bad.json()["code"]) == (422, "input.invalid")

        detail = await desk.get(f"/traces/{failed['items'][0]['trace_id']}")
        spans = {span["name"]: span for span in detail["spans"]}
        assert spans["pack"]["parent_id"] == spans["create"]["span_id"]
        assert (spans["pack"]["topic"], spans["pack"]["verdict"]) == ("order.created", "dead")
        assert "hunter2" not in json.dumps(detail)
        assert detail["logs"][0]["data"]["password"] == "[redacted]"
        span = await desk.get(f"/traces/{detail['summary']['trace_id']}/spans/{spans['pack']['span_id']}")
        assert "pack_step.py" in span["error"]["stack"]
        missing = await desk.ask("GET", "/traces/nothing")
        assert (missing.status_code, missing.json()["code"]) == (404, "trace.unknown")

    shop.run(scenario)


def test_a_trace_that_was_retried_or_sent_back_and_went_well_has_not_failed(shop: Project) -> None:
    shop.step("pay", PAY)

    async def scenario(desk: Desk) -> None:
        engine = desk.app.app.engine
        assert engine is not None
        await desk.app.http.post("/payments", json={"failing": 2})
        await desk.app.http.post("/payments", json={"failing": 3})
        dead = await desk.app.until("message.dead_lettered")
        await desk.app.until("message.settled", step="pay", outcome="completed")
        await engine.flush_traces()
        (failed,) = (await desk.get("/traces", status="failed"))["items"]
        assert (failed["failures"], failed["error"]) == (3, "the bank is busy")
        (retried,) = (await desk.get("/traces", status="retried"))["items"]
        assert (retried["status"], retried["failures"]) == ("ok", 2)
        found = await desk.get("/metrics")
        assert found["end_to_end"]["error_rate"] == 0.5
        summary = found["steps"]["pay"]["summary"]
        assert (summary["runs"], summary["retried"], summary["failures"]) == (8, 4, 1)
        (group,) = (await desk.get("/errors", step="pay"))["items"]
        assert group["count"] == 5

        await desk.send("POST", "/dead-letters/redrive", {"step": "pay"})
        await desk.app.until("message.settled", message_id=dead.fields["message_id"], outcome="completed")
        await engine.flush_traces()
        assert (await desk.get("/traces", status="failed"))["items"] == []
        assert len((await desk.get("/traces", status="retried"))["items"]) == 2
        assert (await desk.get("/metrics"))["end_to_end"]["error_rate"] == 0

    shop.run(scenario)


def test_lines_are_read_back_and_followed(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        for item in ("cup", "pen"):
            await order(desk, item)
        newest = await desk.get("/logs", step="create", limit=1)
        assert newest["items"][0]["data"]["item"] == "pen"
        older = await desk.get("/logs", step="create", limit=1, cursor=newest["next"])
        assert older["items"][0]["data"]["item"] == "cup"
        after = await desk.get("/logs", after=older["items"][0]["position"], step="create")
        assert [line["data"]["item"] for line in after["items"]] == ["pen"]
        assert len((await desk.get("/logs", level="warning", flow="shop"))["items"]) == 2

    shop.run(scenario)


def test_failures_are_grouped_by_cause(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        for item in ("bomb 1", "bomb 22"):
            await order(desk, item)
        (group,) = (await desk.get("/errors"))["items"]
        assert (group["step"], group["type"], group["count"]) == ("pack", "ValueError", 2)
        assert group["message"] == "cannot pack bomb #"
        assert group["where"].endswith("in handler")
        assert len(group["trace_ids"]) == 2
        assert (await desk.get("/errors", step="create"))["items"] == []

    shop.run(scenario)


def test_a_flow_is_drawn_with_what_was_seen(shop: Project) -> None:
    async def scenario(desk: Desk) -> None:
        names = [flow["name"] for flow in (await desk.get("/flows"))["items"]]
        assert names == ["*", "elsewhere", "shop"]
        for item in ("cup", "bomb"):
            await order(desk, item)
        flow = await desk.get("/flows/shop")
        nodes = {node["id"]: node for node in flow["nodes"]}
        assert nodes.keys() == {
            "step:create", "step:pack", "step:audit", "step:watch", "step:outside", "topic:order.lost",
            "state:packed/*",
        }  # fmt: skip
        assert (nodes["step:pack"]["runs"], nodes["step:pack"]["failures"]) == (2, 1)
        edges = {(edge["source"], edge["target"]): edge for edge in flow["edges"]}
        real = edges["step:create", "step:pack"]
        assert (real["kind"], real["declared"], real["seen"]["runs"], real["seen"]["failures"]) == (
            "topic", True, 2, 1,
        )  # fmt: skip
        assert edges["step:outside", "step:pack"]["kind"] == "virtual"
        assert edges["step:create", "topic:order.lost"]["seen"] is None
        assert not edges["step:create", "step:audit"]["declared"]
        assert edges["state:packed/*", "step:watch"]["seen"]["runs"] == 1
        assert not edges["step:pack", "state:packed/*"]["declared"]
        assert (await desk.ask("GET", "/flows/nothing")).status_code == 404

    shop.run(scenario)


def test_the_layout_is_kept_in_the_file_of_motia_0_x(shop: Project) -> None:
    file = shop.folder / "motia-workbench.json"
    old = {"steps/pack_step.py": {"x": 1, "y": 2, "sourceHandlePosition": "right"}, "gone.py": {"x": "no"}}
    file.write_text(json.dumps([{"id": "shop", "config": old}, {"id": "kept", "config": {}}]))

    async def scenario(desk: Desk) -> None:
        positions = (await desk.get("/flows/shop"))["positions"]
        assert positions == {"step:pack": {"x": 1, "y": 2, "source_handle": "right"}}
        moved = {
            "step:create": {"x": 5.5, "y": -6, "target_handle": "top"},
            "topic:order.lost": {"x": 0, "y": 0},
        }
        await desk.send("PUT", "/flows/shop/layout", {"positions": moved})
        assert (await desk.get("/flows/shop"))["positions"] == moved
        kept, shop_entry = json.loads(file.read_text())
        assert kept == {"id": "kept", "config": {}}
        assert shop_entry["config"]["steps/create_step.py"] == {
            "x": 5.5,
            "y": -6,
            "targetHandlePosition": "top",
        }
        bad = await desk.ask("PUT", "/flows/shop/layout", json={"positions": {"a": {"x": "1", "y": 2}}})
        assert bad.status_code == 422

    shop.run(scenario)
