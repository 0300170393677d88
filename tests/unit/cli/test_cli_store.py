"""Commands that open the store: state, queue, db, emit, trigger."""

from __future__ import annotations

import io
import json
import os
import stat
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from motia.cli.db import copy_database
from motia.core.batch import Died, Enqueue, RegisterNode, Settle, StatePut
from motia.core.ids import format_id
from motia.core.message import Claim, NewMessage, QueueName, TraceContext
from motia.errors import InputError, SettingsError
from motia.settings.model import Settings

pytestmark = pytest.mark.usefixtures("app_module")
NODE = b"n" * 16
BILL = QueueName("order.created", "bill")
MAIL = QueueName("order.created", "mail")


def message(queue: QueueName, number: int, *, claim: bool = False) -> Enqueue:
    return Enqueue(
        NewMessage(
            id=number.to_bytes(16, "big"),
            queue=queue,
            payload=json.dumps({"n": number}).encode(),
            trace=TraceContext("a" * 32, "b" * 16),
            enqueued_at_ms=1_000,
            claim_for=NODE if claim else None,
        )
    )


@pytest.fixture
def dead_letters(store: Callable[..., Any]) -> None:
    """Two dead letters of `bill`, one of `mail`, one message that waits."""
    store([RegisterNode(NODE, os.getpid(), 1_000)])
    for queue, number in ((BILL, 1), (BILL, 2), (MAIL, 3)):
        [claim] = store([message(queue, number, claim=True)])
        assert isinstance(claim, Claim)
        error = b'{"code":"handler.raised","message":"card refused"}'
        store([Settle(claim, Died(code="handler.raised", error=error, failures=5, at_ms=2_000))])
    store([message(MAIL, 4)])


def test_state_is_set_read_listed_and_deleted(motia: Callable[..., Any]) -> None:
    assert motia("state", "set", "users", "42", '{"name": "Ada"}').code == 0
    assert json.loads(motia("state", "get", "users", "42").out) == {"name": "Ada"}
    document = motia("state", "get", "users", "42", "--json").json
    assert (document["key"], document["value"]) == ("42", {"name": "Ada"})
    assert motia("state", "list", "--json").json == ["users"]
    assert motia("state", "list", "users").out.splitlines()[1].split() == ["42", '{"name":"Ada"}', "-"]
    assert motia("state", "delete", "users", "42", "--json").json["deleted"] is True
    assert motia("state", "delete", "users", "42").code == 1
    missing = motia("state", "get", "users", "42")
    assert (missing.code, missing.out) == (1, "")
    assert "no key '42' in scope 'users'" in missing.err


def test_state_set_says_whether_it_created(motia: Callable[..., Any]) -> None:
    assert motia("state", "set", "a", "b", "1", "--json").json["created"] is True
    assert motia("state", "set", "a", "b", "2", "--json").json["created"] is False


def test_state_clear_needs_yes_without_a_terminal(
    motia: Callable[..., Any], store: Callable[..., Any]
) -> None:
    store([StatePut(scope="s", key=str(n), value=b"1", now_ms=1) for n in range(3)])
    refused = motia("state", "clear", "s")
    assert refused.code == 2
    assert "expected --yes" in refused.err
    assert motia("state", "clear", "s", "--yes").out == "3 deleted\n"
    assert motia("state", "list", "s", "--json").json == []


def test_control_characters_of_data_are_shown_and_not_obeyed(
    motia: Callable[..., Any], store: Callable[..., Any]
) -> None:
    store([StatePut(scope="s", key="a\x1b[31m\nb", value=b"1", now_ms=1)])
    lines = motia("state", "list", "s").out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("a\\x1b[31m\\nb")


def test_long_values_are_not_cut_in_a_pipe(motia: Callable[..., Any], store: Callable[..., Any]) -> None:
    store([StatePut(scope="s", key="k", value=b'"' + b"x" * 5_000 + b'"', now_ms=1)])
    assert "x" * 5_000 in motia("state", "list", "s").out


@pytest.mark.parametrize("text", ["{", "{'a': 1}", "NaN", ""])
def test_bad_json_is_a_usage_error(motia: Callable[..., Any], text: str) -> None:
    ran = motia("state", "set", "a", "b", text)
    assert ran.code == 2
    assert ran.err.startswith("error: value: expected JSON")


def test_json_comes_from_stdin(motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[1, 2]"))
    assert motia("state", "set", "a", "b", "-").code == 0
    assert motia("state", "get", "a", "b").out == "[1,2]\n"


def test_a_memory_database_cannot_be_opened_from_outside(
    motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "memory:")
    for arguments in (("state", "list"), ("queue", "list"), ("db", "migrate")):
        ran = motia(*arguments)
        assert ran.code == 2
        assert "expected a file" in ran.err


@pytest.mark.usefixtures("dead_letters")
def test_queues_are_listed(motia: Callable[..., Any]) -> None:
    found = {item["step"]: item for item in motia("queue", "list", "--json").json}
    assert (found["bill"]["dead"], found["bill"]["ready"]) == (2, 0)
    assert (found["mail"]["dead"], found["mail"]["ready"]) == (1, 1)
    table = motia("queue", "list", "--step", "mail").out.splitlines()
    assert len(table) == 2
    assert table[1].split()[:8] == ["order.created", "mail", "1", "0", "0", "0", "0", "1"]


@pytest.mark.usefixtures("dead_letters")
def test_dead_letters_are_shown_newest_first(motia: Callable[..., Any]) -> None:
    documents = motia("queue", "dead", "--json").json
    assert [item["payload"]["n"] for item in documents] == [3, 2, 1]
    assert documents[0]["error"]["message"] == "card refused"
    cut = motia("queue", "dead", "--limit", "2", "--json")
    assert (len(cut.json), "only 2 shown" in cut.err) == (2, True)
    assert len(motia("queue", "dead", "--step", "bill", "--json").json) == 2
    assert "card refused" in motia("queue", "dead").out


@pytest.mark.usefixtures("dead_letters")
def test_redrive_by_id_by_step_and_all(motia: Callable[..., Any]) -> None:
    assert motia("queue", "redrive", format_id((1).to_bytes(16, "big")), "--json").json == {"redriven": 1}
    assert motia("queue", "redrive", "--step", "bill").out == "1 redriven\n"
    assert motia("queue", "redrive", "--all", "--json").json == {"redriven": 1}
    assert motia("queue", "dead", "--json").json == []
    assert sum(item["ready"] for item in motia("queue", "list", "--json").json) == 4


@pytest.mark.usefixtures("dead_letters")
def test_purge_deletes_only_what_was_chosen(motia: Callable[..., Any]) -> None:
    assert motia("queue", "purge", "--step", "bill").code == 2
    assert motia("queue", "purge", "--step", "bill", "--yes", "--json").json == {"purged": 2}
    assert [item["step"] for item in motia("queue", "dead", "--json").json] == ["mail"]


def test_redrive_and_purge_want_a_choice(motia: Callable[..., Any]) -> None:
    for command in ("redrive", "purge"):
        ran = motia("queue", command)
        assert ran.code == 2
        assert "--all" in ran.err
        assert motia("queue", command, "not-an-id").code == 2


def test_backup_is_a_whole_private_copy(
    motia: Callable[..., Any], store: Callable[..., Any], project: Path
) -> None:
    store([StatePut(scope="s", key="k", value=b"1", now_ms=1)])
    ran = motia("db", "backup", "copy.db", "--json")
    assert ran.code == 0
    copy = project / "copy.db"
    assert ran.json["target"] == str(copy)
    assert ran.json["bytes"] == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    database = apsw.Connection(str(copy))
    assert database.execute("SELECT scope, key FROM state").fetchall() == [("s", "k")]
    assert database.execute("PRAGMA integrity_check").get == "ok"
    database.close()
    assert list(project.glob("*.partial*")) == []
    again = motia("db", "backup", "copy.db")
    assert again.code == 2
    assert "which exists" in again.err


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database" * 1000)
    from motia.errors import BackendError

    with pytest.raises(BackendError):
        copy_database(garbage, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.glob("copy*")] == []


def test_there_is_nothing_to_back_up_in_a_new_project(motia: Callable[..., Any], project: Path) -> None:
    assert motia("db", "backup", "x.db").code == 2
    assert not (project / ".motia").exists()


def test_migrate_prints_versions(motia: Callable[..., Any], project: Path) -> None:
    first = motia("db", "migrate", "--json").json
    assert (first["from_version"], first["to_version"] > 0) == (0, True)
    assert motia("db", "migrate").out.endswith("nothing to do\n")


def test_a_database_of_a_newer_version_is_refused(motia: Callable[..., Any], project: Path) -> None:
    motia("db", "migrate")
    database = apsw.Connection(str(project / ".motia" / "motia.db"))
    database.execute("PRAGMA user_version = 999")
    database.close()
    ran = motia("db", "migrate")
    assert ran.code == 1
    assert "got 999" in ran.err


def test_emit_prints_who_takes_the_message(
    motia: Callable[..., Any], app_module: types.SimpleNamespace
) -> None:
    calls: list[tuple[str, Any]] = []

    async def enqueue(settings: Settings, topic: str, data: Any) -> tuple[bytes, list[QueueName], bool]:
        calls.append((topic, data))
        queues = [BILL, MAIL] if topic == "order.created" else []
        return b"\0" * 15 + b"\1", queues, topic == "order.reviewed"

    app_module.module.enqueue_from_outside = enqueue
    identity = "00000000-0000-0000-0000-000000000001"
    assert motia("emit", "order.created", '{"id": 1}').out == f"{identity} → bill, mail\n"
    assert calls == [("order.created", {"id": 1})]
    document = motia("emit", "order.created", "null", "--json").json
    assert document == {
        "message_id": identity,
        "queues": [{"topic": "order.created", "step": "bill"}, {"topic": "order.created", "step": "mail"}],
        "waited_for": False,
    }
    assert motia("emit", "order.reviewed").out == f"{identity} → workflows that wait for it\n"
    nobody = motia("emit", "order.craeted")
    assert nobody.code == 1
    assert "no step subscribes to 'order.craeted'" in nobody.err


def test_trigger_sends_to_one_step(motia: Callable[..., Any], app_module: types.SimpleNamespace) -> None:
    async def trigger(settings: Settings, step: str, data: Any) -> bytes:
        if step != "bill":
            raise InputError(f"trigger: expected a step, got {step!r}", code="step.unknown", hint="'bill'?")
        return b"\0" * 16

    app_module.module.trigger_from_outside = trigger
    assert motia("trigger", "bill", "[1]", "--json").json["step"] == "bill"
    ran = motia("trigger", "bil")
    assert (ran.code, ran.err) == (2, "error: trigger: expected a step, got 'bil'\n  hint: 'bill'?\n")


def test_the_target_of_a_backup_is_checked_first(tmp_path: Path) -> None:
    target = tmp_path / "there.db"
    target.write_text("mine")
    with pytest.raises(SettingsError):
        copy_database(tmp_path / "missing.db", target)
    assert target.read_text() == "mine"
