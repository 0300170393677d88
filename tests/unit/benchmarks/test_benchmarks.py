"""The benchmarks measure what they say, at the smallest size. No figure is judged here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """Imports modules of the benchmarks; forgets them afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)

    class Importer:
        @staticmethod
        def module(name: str) -> ModuleType:
            return __import__(name)

    yield Importer
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def test_a_row_judges_the_figure_its_target_is_about(bench: type) -> None:
    row = bench.module("measure").Row
    assert row("x", 14.0, "µs", 10.0, "bare", "at most", 1.45).met is True
    assert row("x", 15.0, "µs", 10.0, "bare", "at most", 1.45).met is False
    assert row("x", 10.0, "µs", 31.0, "FastAPI", "at least", 3.0, by="gain").met is True
    assert row("x", 10.0, "µs", 29.0, "FastAPI", "at least", 3.0, by="gain").met is False
    assert row("x", 19_999.0, "/s", 70_000.0, "bare", "at least", 20_000, by="ours").met is False
    assert row("x", 5.0, "µs").met is None


def test_cpu_and_memory_of_this_process_are_read(bench: type) -> None:
    measure = bench.module("measure")
    before_s = measure.cpu_s([os.getpid()])
    while measure.cpu_s([os.getpid()]) == before_s:
        sum(range(100_000))
    assert 1e6 < measure.rss_bytes(os.getpid()) < 1e12
    assert measure.descendants(os.getpid())[0] == os.getpid()


def test_the_length_of_an_answer_is_read_from_its_head(bench: type) -> None:
    loadgen = bench.module("loadgen")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert loadgen.answer_bytes(head + b"hel") == len(head) + 5
    assert loadgen.answer_bytes(head[:-1]) == 0
    with pytest.raises(ValueError, match="content length"):
        loadgen.answer_bytes(b"HTTP/1.1 200 OK\r\n\r\n")


def test_requests_are_counted_and_a_refusal_fails_the_run(bench: type) -> None:
    processes = bench.module("processes")
    port = processes.free_port()
    command = [sys.executable, str(FOLDER / "apps" / "bare.py"), str(port)]
    with processes.serving(command, port=port, first="/") as server:
        found = processes.run_load(port, "GET", "/", 500)
        assert found["requests"] == 500
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert server.cpu_s() > 0
    with pytest.raises(RuntimeError, match="exit 1"):
        processes.run_load(port, "GET", "/", 1)


def test_a_run_writes_its_figures(bench: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, measure = bench.module("run"), bench.module("measure")
    code = run.run(["router"], measure.Effort(factor=0.001, rounds=1), results=tmp_path)
    found = json.loads((tmp_path / "router.json").read_text())
    assert code in (0, 1)
    assert [row["ours"] > 0 and row["baseline"] > 0 for row in found["rows"]] == [True, True, True]
    assert "match among 10,000, static" in capsys.readouterr().out


def test_what_cannot_be_measured_is_told(
    bench: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, measure = bench.module("run"), bench.module("measure")

    def broken(effort: object) -> list[object]:
        raise RuntimeError("no server")

    monkeypatch.setattr(bench.module("bench_router"), "run", broken)
    assert run.run(["router"], measure.QUICK, results=tmp_path) == 2
    assert "router: could not be measured: no server" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_message_is_settled_in_few_commits(bench: type) -> None:
    queue = bench.module("bench_queue")
    found = queue.produce(640)
    assert found["cpu_s"] > 0
    assert 2 <= found["commits"] < 640
    assert queue.bare_sqlite("queue", 640)["commits"] < 640


def test_the_http_routes_answer(bench: type, tmp_path: Path) -> None:
    processes = bench.module("processes")
    body = tmp_path / "order.json"
    body.write_bytes(bench.module("bench_http")._order())
    with processes.bench_project() as project, processes.motia_serving(project) as server:
        assert server.load("POST", "/orders", 200, body=body) >= 0
        assert server.largest_rss_bytes() > 10e6
        with pytest.raises(RuntimeError, match="expected 200"):
            server.load("GET", "/missing", 1)
