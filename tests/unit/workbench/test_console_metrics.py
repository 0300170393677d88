from __future__ import annotations

import pytest
from desk import Desk, Project

from motia.core.message import QueueName
from motia.workbench.api.metrics import width_of
from motia.workbench.sampler import DepthSampler

WORK = """
config = {"name": "jobs", "triggers": [http("GET", "/jobs/:how"), queue("later")]}

async def handler(request, ctx):
    if not ctx.is_queue() and request.path_params["how"] == "badly":
        raise ValueError("badly")
    return {}
"""


def test_a_point_is_as_wide_as_the_eye_and_the_store_allow() -> None:
    assert width_of(900, 900, 120) == 10
    assert width_of(900, 900, 10) == 120
    assert width_of(3600, 3600, 120) == 300
    assert width_of(86_400, 86_400, 500) == 3600
    assert width_of(8 * 86_400, 8 * 86_400, 1) == 86_400


def test_throughput_failures_percentiles_and_depths(project: Project) -> None:
    project.step("jobs", WORK)

    async def scenario(desk: Desk) -> None:
        for how in ("well", "well", "well", "badly"):
            await desk.app.http.get(f"/jobs/{how}")
        for _ in range(3):
            await desk.send("POST", "/steps/jobs/trigger", {"data": {}, "delay_s": 60})
        assert desk.app.app.engine is not None
        await desk.app.app.engine.flush_traces()
        engine = desk.app.app.engine
        await DepthSampler(engine.backend, desk.app.traces, engine.clock).sample()
        found = await desk.get("/metrics")
        assert (sum(found["total"]["runs"]), sum(found["total"]["failures"])) == (4, 1)
        summary = found["steps"]["jobs"]["summary"]
        assert (summary["runs"], summary["failures"], summary["wait_p95_us"]) == (4, 1, -1)
        assert 0 < summary["p50_us"] <= summary["p99_us"]
        assert len(found["at_ms"]) == len(found["total"]["p95_us"]) <= 121
        assert (sum(found["total"]["retried"]), summary["retried"]) == (0, 0)
        assert found["end_to_end"]["error_rate"] == 0.25
        assert found["thresholds"] == {"latency_ms": 500, "error_rate": 0.01}
        for params in (
            {"points": 0},
            {"since_ms": 1},
            {"since_ms": "soon"},
            {"until_ms": "1e999"},
            {"points": "9" * 20},
        ):
            assert (await desk.ask("GET", "/metrics", params=params)).status_code == 422

    project.run(scenario)


def test_a_tried_endpoint_names_the_trace_it_made(project: Project) -> None:
    project.step("jobs", WORK)

    async def scenario(desk: Desk) -> None:
        for how, status in (("well", 200), ("badly", 500)):
            tried = await desk.app.console.get(f"/jobs/{how}", headers={"host": "localhost:3000"})
            assert tried.status_code == status
            assert desk.app.app.engine is not None
            await desk.app.app.engine.flush_traces()
            trace = await desk.get(f"/traces/{tried.headers['x-trace-id']}")
            assert trace["summary"]["name"] == "jobs"
        plain = await desk.app.http.get("/jobs/well")
        assert "x-trace-id" not in plain.headers

    project.run(scenario)


@pytest.mark.parametrize("held", [True, False])
def test_a_queue_that_becomes_empty_is_sampled_once_more(project: Project, held: bool) -> None:
    project.step("jobs", WORK.replace('queue("later")', 'queue("later", concurrency=1)'))

    async def scenario(desk: Desk) -> None:
        engine = desk.app.app.engine
        assert engine is not None
        sampler = DepthSampler(engine.backend, desk.app.traces, engine.clock)
        if held:
            sampler._held = {QueueName("later", "jobs")}
        await sampler.sample()
        samples = await desk.app.traces.depths(0)
        assert [sample.depth for sample in samples] == ([0] if held else [])

    project.run(scenario)


def test_prometheus_is_answered_where_it_was_asked_for(project: Project) -> None:
    project.step("jobs", WORK)

    async def scenario(desk: Desk) -> None:
        await desk.app.http.get("/jobs/well")
        assert desk.app.app.engine is not None
        await desk.app.app.engine.flush_traces()
        answer = await desk.app.http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'motia_step_runs_total{step="jobs",outcome="ok"} 1' in answer.text

    async def unasked(desk: Desk) -> None:
        assert (await desk.app.http.get("/metrics")).status_code == 404

    project.run(scenario, tracing={"prometheus": True})
    project.run(unasked)
