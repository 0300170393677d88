"""What a span shows of its run, what it never shows, and running it again."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk, Project

SECRETS = (
    "hunter2-header",
    "hunter2-query",
    "hunter2-body",
    "hunter2-output",
    "hunter2-form",
    "hunter2-cookie",
)
PAY = """
from pydantic import SecretStr

config = {"name": "pay", "triggers": [http("POST", "/pay/:id")], "enqueues": ["paid"]}

async def handler(request, ctx):
    seen = await ctx.state.get("paid", "last")
    await ctx.state.set("paid", "last", {"id": request.path_params["id"]})
    await ctx.enqueue({"topic": "paid", "data": {"id": request.path_params["id"], "token": "hunter2-body"}})
    if isinstance(request.body, dict) and request.body.get("amount") == 0:
        raise ValueError("nothing to pay")
    return {"status": 201, "body": {"id": request.path_params["id"], "password": "hunter2-output"}}
"""
PAID = """
config = {"name": "paid", "triggers": [queue("paid", retries=0)]}

async def handler(data, ctx):
    if data["id"] == "9":
        raise ValueError("no ninth")
    return {"mailed": data["id"]}
"""


@pytest.fixture
def paying(project: Project) -> Project:
    project.step("pay", PAY)
    project.step("paid", PAID)
    return project


async def pay(desk: Desk, id_: str, amount: int = 5) -> dict[str, Any]:
    """The spans of the trace that a payment made, by name."""
    answer = await desk.app.console.post(
        f"/pay/{id_}",
        json={"amount": amount, "secret": "hunter2-body"},
        params={"api_key": "hunter2-query", "page": "2"},
        headers={
            "host": "localhost:3000",
            "authorization": "Bearer hunter2-header",
            "cookie": "session=hunter2-cookie",
            "x-plain": "kept",
        },
    )
    await desk.app.until_idle()
    engine = desk.app.app.engine
    assert engine is not None
    await engine.flush_traces()
    detail = await desk.get(f"/traces/{answer.headers['x-trace-id']}")
    assert not any(secret in str(detail) for secret in SECRETS)
    return {span["name"]: span for span in detail["spans"]} | {"trace_id": answer.headers["x-trace-id"]}


async def look(desk: Desk, spans: dict[str, Any], name: str) -> Any:
    found = await desk.get(f"/traces/{spans['trace_id']}/spans/{spans[name]['span_id']}")
    assert not any(secret in str(found) for secret in SECRETS)
    return found


def test_a_span_shows_input_output_and_calls_and_no_secret(paying: Project) -> None:
    async def scenario(desk: Desk) -> None:
        spans = await pay(desk, "7")
        shown = await look(desk, spans, "pay")
        assert (shown["method"], shown["route"], shown["http_status"]) == ("POST", "/pay/:id", 201)
        assert shown["input"]["body"] == {"amount": 5, "secret": "[redacted]"}
        assert shown["input"]["query"] == {"api_key": "[redacted]", "page": "2"}
        assert shown["input"]["headers"]["x-plain"] == "kept"
        assert shown["output"] == {"status": 201, "body": {"id": "7", "password": "[redacted]"}}
        assert [(call["kind"], call["name"], call["ok"]) for call in shown["calls"]] == [
            ("state", "state.get paid/last", True),
            ("state", "state.set paid/last", True),
            ("enqueue", "paid", True),
        ]
        assert all(0 <= call["offset_us"] <= shown["duration_us"] for call in shown["calls"])
        mailed = await look(desk, spans, "paid")
        assert mailed["input"] == {"id": "7", "token": "[redacted]"}
        assert mailed["output"] == {"mailed": "7"}

    paying.run(scenario)


def test_lean_keeps_inputs_of_failures_alone(paying: Project) -> None:
    async def scenario(desk: Desk) -> None:
        spans = await pay(desk, "7")
        assert not spans["pay"]["has_input"]
        assert not spans["paid"]["has_output"]
        assert spans["pay"]["calls"] == []
        spans = await pay(desk, "9")
        failed = await look(desk, spans, "paid")
        assert failed["input"] == {"id": "9", "token": "[redacted]"}
        spans = await pay(desk, "7", amount=0)
        failed = await look(desk, spans, "pay")
        assert (failed["input"]["body"]["amount"], failed["http_status"]) == (0, 500)
        assert not failed["has_output"]

    paying.run(scenario, tracing={"detail": "lean"})


def test_a_request_and_a_message_run_again_as_they_were_or_edited(paying: Project) -> None:
    async def scenario(desk: Desk) -> None:
        spans = await pay(desk, "7")
        path = f"/traces/{spans['trace_id']}/spans"
        again = await desk.send("POST", f"{path}/{spans['pay']['span_id']}/rerun", {})
        assert (again["http_status"], again["ok"], again["result"]["id"]) == (201, True, "7")
        edited = await desk.send("POST", f"{path}/{spans['pay']['span_id']}/rerun", {"data": {"amount": 0}})
        assert (edited["http_status"], edited["ok"]) == (500, False)
        sent = await desk.send("POST", f"{path}/{spans['paid']['span_id']}/rerun", {"data": {"id": "8"}})
        await desk.app.until("message.settled", message_id=sent["message_id"], outcome="completed")
        ids = {again["trace_id"], edited["trace_id"], sent["trace_id"], spans["trace_id"]}
        assert len(ids) == 4

    paying.run(scenario)


def test_what_was_not_kept_whole_is_not_run_again(paying: Project) -> None:
    async def scenario(desk: Desk) -> None:
        spans = await pay(desk, "7")
        path = f"/traces/{spans['trace_id']}/spans/{spans['pay']['span_id']}/rerun"
        refused = await desk.ask("POST", path, json={})
        assert (refused.status_code, refused.json()["code"]) == (409, "trace.no_input")

    paying.run(scenario, tracing={"payload_bytes": 20})
    paying.run(scenario, tracing={"detail": "lean"})


def test_forms_and_files_are_told_by_their_size(paying: Project) -> None:
    async def scenario(desk: Desk) -> None:
        answer = await desk.app.console.request(
            "POST",
            "/pay/1",
            content="password=hunter2-form",
            headers={"host": "localhost:3000", "content-type": "application/x-www-form-urlencoded"},
        )
        engine = desk.app.app.engine
        assert engine is not None
        await engine.flush_traces()
        trace = await desk.get(f"/traces/{answer.headers['x-trace-id']}")
        spans = {span["name"]: span for span in trace["spans"]} | {"trace_id": answer.headers["x-trace-id"]}
        shown = await look(desk, spans, "pay")
        assert shown["input"]["body"] == {"$omitted": "application/x-www-form-urlencoded", "bytes": 21}

    paying.run(scenario)
