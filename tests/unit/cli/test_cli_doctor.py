"""The checks one by one, and the report they make together."""

from __future__ import annotations

import os
import socket
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from motia.cli import checks
from motia.core.batch import ClaimReady, Enqueue, RegisterNode, WantedQueue
from motia.core.message import NewMessage, QueueDepth, QueueName, TraceContext
from motia.core.registry import build_registry
from motia.core.step import Source, Step
from motia.core.trigger import QueueTrigger
from motia.errors import BackendError, DefinitionError

KNOWN = QueueName("order.created", "bill")


def levels(findings: list[checks.Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_python_and_system() -> None:
    assert levels(checks.check_python((3, 11, 7), "linux")) == ["ok"]
    assert levels(checks.check_python((3, 10, 1), "linux")) == ["error"]
    assert checks.check_python((3, 12, 0), "win32")[0].fix == "use WSL"


@pytest.mark.parametrize(("kind", "level"), [("ext4", "ok"), ("nfs4", "error"), ("fuse.sshfs", "error")])
def test_file_systems(kind: str, level: str) -> None:
    assert levels(checks.check_file_system(kind, Path("/data"))) == [level]


@pytest.mark.parametrize(("free", "level"), [(10, "error"), (300, "warning"), (4_000, "ok")])
def test_disk(free: int, level: str) -> None:
    found = checks.check_disk(free * 2**20, 100 * 2**20, Path("/data"))
    assert levels(found) == [level]


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_ports(busy_port: int) -> None:
    [finding] = checks.check_port("port", "127.0.0.1", busy_port, flag="--port", running=False)
    assert finding.level == "error"
    assert str(busy_port) in finding.message
    assert "--port" in finding.fix
    running = checks.check_port("port", "127.0.0.1", busy_port, flag="--port", running=True)
    assert levels(running) == ["ok"]
    foreign = checks.check_port("port", "203.0.113.7", 0, flag="--port", running=False)
    assert levels(foreign) == ["error"]
    assert "--host" in foreign[0].fix


def test_queues_of_steps_that_are_gone_and_dead_letters() -> None:
    gone = QueueName("order.created", "old")
    found = checks.check_queues(
        [
            QueueDepth(queue=KNOWN, ready=3, dead=2),
            QueueDepth(queue=gone, scheduled=1),
            QueueDepth(queue=QueueName("x", "empty")),
        ],
        frozenset([KNOWN]),
    )
    assert [finding.message for finding in found] == [
        "order.created → bill: 2 dead letters",
        "order.created → old: 1 orphaned, no such step any more",
    ]
    assert levels(checks.check_queues([QueueDepth(queue=KNOWN, ready=3)], frozenset([KNOWN]))) == ["ok"]


def test_steps_nodes_and_settings() -> None:
    problem = DefinitionError("bad", code="x", path="a.py", line=2, hint="fix")
    assert checks.check_steps(1, [problem], []) == [checks.Finding("error", "steps", "a.py:2: bad", "fix")]
    assert levels(checks.check_steps(0, [], [])) == ["warning"]
    assert levels(checks.check_steps(2, [], [])) == ["ok"]
    assert levels(checks.check_nodes([(17, 3)], 1)) == ["warning"]
    assert levels(checks.check_nodes([(17, 0)], 1)) == ["ok"]
    assert levels(checks.check_nodes([], 1)) == ["ok"]
    assert levels(checks.check_settings(["odd"])) == ["warning"]
    error = BackendError("full", code="x", hint="free some")
    assert checks.failure("store", error) == checks.Finding("error", "store", "full", "free some")


@pytest.fixture
def doctor(
    motia: Callable[..., Any],
    project: Path,
    app_module: types.SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    monkeypatch.setattr("motia.cli.control.control_socket", lambda settings: project / "control.sock")
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("MOTIA_WORKBENCH__PORT", "0")
    step = Step(
        name="bill",
        source=Source(path="steps/bill_step.py", line=1),
        handler="f",
        triggers=(QueueTrigger(topic="order.created"),),
    )
    app_module.found.registry = build_registry([step])

    def run(*arguments: str) -> Any:
        return motia("doctor", *arguments)

    return run


def test_a_healthy_project(doctor: Callable[..., Any], project: Path) -> None:
    ran = doctor("--json")
    assert ran.code == 0
    assert ran.json["ok"] is True
    assert {item["level"] for item in ran.json["findings"]} == {"ok"}
    assert not (project / ".motia").exists(), "looking must not make the store"


def test_everything_wrong_is_in_one_report(
    doctor: Callable[..., Any],
    project: Path,
    app_module: types.SimpleNamespace,
    store: Callable[..., Any],
    busy_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = NewMessage(
        id=b"m" * 16,
        queue=QueueName("order.created", "old"),
        payload=b"1",
        trace=TraceContext("a" * 32, "b" * 16),
        enqueued_at_ms=1,
    )
    taken, node = replace(message, id=b"t" * 16, queue=KNOWN), b"n" * 16
    claim = ClaimReady(node=node, wanted=[WantedQueue(KNOWN, 1)], max_bytes=100, now_ms=1)
    store([RegisterNode(node, 99, 1, str(project / "gone.lock")), Enqueue(message), Enqueue(taken), claim])
    monkeypatch.setenv("PORT", str(busy_port))
    (project / ".env").write_text("no equals sign")
    app_module.found.problems.append(DefinitionError("bad", code="x", path="steps/b_step.py", line=2))
    ran = doctor("--json")
    assert ran.code == 1
    found = {(item["level"], item["check"]) for item in ran.json["findings"]} - {("ok", "store")}
    assert {
        ("warning", "settings"),
        ("error", "port"),
        ("error", "steps"),
        ("warning", "queues"),
        ("warning", "nodes"),
    } <= found
    assert "fix: stop what uses it or choose another one with --port" in doctor().out


def test_a_store_that_cannot_be_opened_is_a_finding(doctor: Callable[..., Any], project: Path) -> None:
    (project / ".motia").mkdir()
    (project / ".motia" / "motia.db").write_bytes(b"something else" * 500)
    ran = doctor("--json")
    assert ran.code == 1
    [finding] = [item for item in ran.json["findings"] if item["level"] == "error"]
    assert finding["check"] == "store"
    assert finding["fix"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written(doctor: Callable[..., Any], project: Path) -> None:
    project.chmod(0o500)
    try:
        assert doctor().code == 1
    finally:
        project.chmod(0o700)
