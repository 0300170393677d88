"""Idempotent requests (R11), through the whole engine."""

from __future__ import annotations

import asyncio
from typing import Any

from motia.core.batch import Batch
from motia.errors import BackendError
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def orders(project: Any, option: str = "idempotency=True", body: str = "await asyncio.sleep(0.01)") -> None:
    project.step(
        "order",
        f"""
        config = {{"name": "order", "triggers": [http("POST", "/orders", {option})]}}
        async def handler(request, ctx):
            {body}
            number = await ctx.state.increment("orders", "count")
            return {{"status": 201, "body": {{"number": number}}, "headers": {{"x-number": str(number)}}}}
        """,
    )


def key(value: str, **more: str) -> dict[str, str]:
    return {"idempotency-key": value, **more}


def test_a_repeat_gets_the_recorded_response_and_runs_nothing(project: Any) -> None:
    orders(project)

    async def scenario(app: TestApp) -> None:
        first = await app.http.post("/orders", json={"a": 1}, headers=key("k"))
        again = await app.http.post("/orders", json={"a": 1}, headers=key("k"))
        assert (first.status_code, first.json()) == (201, {"number": 1})
        assert (again.status_code, again.json()) == (201, {"number": 1})
        assert again.headers["x-number"] == "1"
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        # Without the header, and with another key, it is another request.
        assert (await app.http.post("/orders", json={"a": 1})).json() == {"number": 2}
        assert (await app.http.post("/orders", json={"a": 1}, headers=key("l"))).json() == {"number": 3}

    project.run(scenario)


def test_another_request_with_the_key_is_422_and_one_in_flight_409(project: Any) -> None:
    orders(project, body='await app_event().wait() if request.body["wait"] else None')
    step = project.folder / "steps" / "order_step.py"
    step.write_text(step.read_text() + "\n_event = asyncio.Event()\ndef app_event():\n    return _event\n")
    project.step(
        "release",
        """
        import sys
        config = {"name": "release", "triggers": []}
        async def handler(input, ctx):
            for module in list(sys.modules.values()):
                if hasattr(module, "app_event"):
                    module.app_event().set()
        """,
    )

    async def scenario(app: TestApp) -> None:
        first = asyncio.ensure_future(app.http.post("/orders", json={"wait": True}, headers=key("k")))
        await app.until("invocation.started")
        in_flight = await app.http.post("/orders", json={"wait": True}, headers=key("k"))
        assert (in_flight.status_code, in_flight.json()["code"]) == (409, "idempotency.in_flight")
        other = await app.http.post("/orders", json={"wait": False}, headers=key("k"))
        assert (other.status_code, other.json()["code"]) == (422, "idempotency.mismatch")
        await app.call("release")
        assert (await first).status_code == 201
        assert (await app.http.post("/orders", json={"wait": True}, headers=key("k"))).status_code == 201
        assert await app.state.get("orders", "count") == 1

    project.run(scenario)


def test_a_hundred_at_once_run_one(project: Any) -> None:
    orders(project)

    async def scenario(app: TestApp) -> None:
        answers = await asyncio.gather(
            *(app.http.post("/orders", json={}, headers=key("k")) for _ in range(100))
        )
        assert sorted({answer.status_code for answer in answers}) == [201, 409]
        assert sum(answer.status_code == 201 for answer in answers) == 1
        assert await app.state.get("orders", "count") == 1

    project.run(scenario)


def test_a_failure_is_not_recorded(project: Any) -> None:
    orders(
        project,
        body='if await ctx.state.increment("tries", "n") == 1: raise ValueError("the first time")',
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.post("/orders", json={}, headers=key("k"))).status_code == 500
        assert (await app.http.post("/orders", json={}, headers=key("k"))).status_code == 201

    project.run(scenario)


def test_callers_with_other_credentials_have_keys_of_their_own(project: Any) -> None:
    orders(project)

    async def scenario(app: TestApp) -> None:
        for number, credentials in enumerate(("Bearer a", "Bearer b"), start=1):
            answer = await app.http.post("/orders", json={}, headers=key("k", authorization=credentials))
            assert answer.json() == {"number": number}

    project.run(scenario)


def test_a_key_may_be_required_and_must_be_short(project: Any) -> None:
    orders(project, 'idempotency={"header": "X-Request-Id", "required": True, "window": "1h"}')

    async def scenario(app: TestApp) -> None:
        missing = await app.http.post("/orders", json={})
        assert (missing.status_code, missing.json()["code"]) == (400, "idempotency.key_missing")
        long = await app.http.post("/orders", json={}, headers={"x-request-id": "k" * 256})
        assert long.status_code == 400
        assert (await app.http.post("/orders", json={}, headers={"x-request-id": "k"})).status_code == 201

    project.run(scenario)


def test_a_response_that_storage_refused_is_recorded_once_it_takes_it(project: Any) -> None:
    orders(project, body="pass")

    async def scenario(app: TestApp) -> None:
        commit = app._backend.commit
        refusals = 3

        def refuse(batch: Batch, *then: Any) -> asyncio.Future[list[Any]]:
            nonlocal refusals
            if refusals and type(batch.operations[0]).__name__ == "EndRequest":
                refusals -= 1
                failed: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
                failed.set_exception(BackendError("disk: is full", code="backend.full"))
                return failed
            return commit(batch, *then)

        app._backend.commit = refuse  # type: ignore[method-assign]
        first = await app.http.post("/orders", json={}, headers=key("k"))
        assert first.json() == {"number": 1}
        early = await app.http.post("/orders", json={}, headers=key("k"))
        assert (early.status_code, early.json()["code"]) == (409, "idempotency.in_flight")
        await app.advance(2)
        assert refusals == 0
        again = await app.http.post("/orders", json={}, headers=key("k"))
        assert (again.json(), again.headers["idempotency-replayed"]) == ({"number": 1}, "true")
        assert sum("could not be recorded yet" in log.message for log in app.logs) == 1

    project.run(scenario, clock=ManualClock())
