"""`call`, `cron run` and `traces` against a real server on a Unix socket."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from motia.cli.control import is_running, post
from motia.errors import BackendError

ANSWERS: dict[str, tuple[int, Any]] = {
    "greet": (200, {"hello": "Ada"}),
    "text": (200, "plain"),
    "unknown": (404, {"title": "Not Found", "detail": "no step 'unknown'", "code": "step.unknown"}),
    "broken": (500, {"title": "Failed", "detail": "ValueError: no", "hint": "look at the trace"}),
    "empty": (204, None),
}
RUNS = [
    {
        "step": "ask",
        "kind": "http",
        "attempt": 1,
        "trace_id": "1" * 32,
        "span_id": "a" * 16,
        "started_ms": 1_000,
    },
    {
        "step": "bake",
        "kind": "queue",
        "attempt": 2,
        "trace_id": "1" * 32,
        "span_id": "b" * 16,
        "started_ms": 2_000,
    },
]


class Handler(BaseHTTPRequestHandler):
    received: list[tuple[str, Any]]

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, document))
        named = document.get("id", self.path)
        if named == "slow":
            self.server.released.wait(10)  # type: ignore[attr-defined]
            return
        status, answer = ANSWERS[named]
        body = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    # Closing waits for them: one that finds its client gone would say so amid the output of a later test.
    daemon_threads = False
    released: threading.Event


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[tuple[str, Any]]]]:
    # Socket paths end at 108 bytes: a short directory.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "control.sock"
        received: list[tuple[str, Any]] = []
        handler = type("BoundHandler", (Handler,), {"received": received})
        server = Server(str(path), handler)
        server.released = threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr("motia.cli.control.control_socket", lambda settings: path)
        try:
            yield path, received
        finally:
            server.released.set()
            server.shutdown()
            server.server_close()
            thread.join()


def test_call_prints_what_the_step_returned(motia: Callable[..., Any], node: tuple[Path, Any]) -> None:
    ran = motia("call", "greet", '{"name": "Ada"}')
    assert (ran.code, ran.json) == (0, {"hello": "Ada"})
    assert node[1] == [("/call", {"id": "greet", "data": {"name": "Ada"}})]
    assert motia("call", "text").out == "plain\n"
    assert motia("call", "text", "--json").out == '"plain"\n'
    assert motia("call", "empty", "--json").json is None


def test_refusals_of_the_node_become_lines(motia: Callable[..., Any], node: tuple[Path, Any]) -> None:
    unknown = motia("call", "unknown")
    assert (unknown.code, unknown.err) == (2, "error: no step 'unknown'\n")
    broken = motia("call", "broken")
    assert (broken.code, broken.err) == (1, "error: ValueError: no\n  hint: look at the trace\n")


def test_cron_run_names_the_step(motia: Callable[..., Any], node: tuple[Path, Any]) -> None:
    assert motia("cron", "run", "greet").out == "greet: fired\n"
    assert node[1] == [("/cron/run", {"id": "greet"})]


def test_nobody_is_running(motia: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "none.sock"
    monkeypatch.setattr("motia.cli.control.control_socket", lambda settings: path)
    ran = motia("call", "greet")
    assert ran.code == 1
    assert "expected this project to be running" in ran.err
    assert "motia dev" in ran.err
    assert not is_running(path)


def test_a_node_that_does_not_answer(node: tuple[Path, Any]) -> None:
    assert is_running(node[0])
    with pytest.raises(BackendError) as caught:
        post(node[0], "/call", {"id": "slow"}, timeout_s=0.05)
    assert caught.value.code == "node.no_answer"


@pytest.mark.usefixtures("node")
def test_what_runs_is_among_the_traces(motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/running", (200, RUNS))
    [found] = motia("traces", "--status", "running", "--json").json
    assert (found["trace_id"], found["name"], found["status"]) == ("1" * 32, "ask", "running")
    assert motia("traces", "--status", "failed", "--json").json == []
    assert motia("traces", "--step", "bake", "--json").json == [found | {"ended_at_ms": ANY}]
    lines = motia("traces", "1" * 32).out.splitlines()
    assert lines[0].startswith(f"trace {'1' * 32}  running")
    assert lines[1].startswith("  ask (http)  running since ")
    assert lines[2].startswith("  bake (queue)  running since ")
    assert lines[2].endswith("  attempt 2")
    assert len(lines) == 3


@pytest.mark.usefixtures("node")
def test_a_node_that_does_not_tell_what_runs_is_named(
    motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ANSWERS, "/running", (500, {"title": "Failed", "detail": "it stands still"}))
    listed = motia("traces", "--json")
    assert listed.json == []
    assert listed.err == "note: what runs now is left out: it stands still\n"
