"""Exit codes, error lines, settings and everything that needs no store."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motia.cli.commands import main
from motia.cli.steps import describe_trigger
from motia.core.registry import build_registry
from motia.core.step import Emission, Source, Step
from motia.core.trigger import CronTrigger, HttpTrigger, QueueTrigger, StateTrigger, TimeTrigger
from motia.errors import DefinitionError, MotiaError
from motia.settings.model import Settings
from motia.settings.names import SECRETS

STEP = Step(
    name="create_order",
    source=Source(path="steps/create_order_step.py", line=3),
    handler="f1",
    triggers=(
        HttpTrigger(method="POST", path="/orders"),
        QueueTrigger(topic="order.created"),
        CronTrigger(expression="0 9 * * *", timezone="Europe/Berlin"),
        StateTrigger(scope="orders"),
    ),
    emissions=(Emission(topic="order.created"),),
)


def test_help_is_shown_without_arguments(motia: Callable[..., Any]) -> None:
    ran = motia()
    assert ran.code == 0
    for command in ("dev", "start", "create", "steps", "state", "queue", "doctor"):
        assert f"  {command} " in ran.out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from motia.cli.commands import main; main([])\n"
        "heavy = ('rich', 'pydantic', 'apsw', 'asyncio', 'httptools', 'http.client')\n"
        "print([module for module in heavy if module in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-V"]])
def test_version(motia: Callable[..., Any], arguments: list[str]) -> None:
    ran = motia(*arguments)
    assert ran.code == 0
    assert ran.out.strip().count(".") >= 1


def test_version_as_json(motia: Callable[..., Any]) -> None:
    assert motia("version", "--json").json["distribution"] == "motia-steps"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nonsense"], "nonsense"),
        (["dev", "--prot", "1"], "--prot"),
        (["dev", "--port", "many"], "--port"),
        (["emit"], "TOPIC"),
        (["state"], "command"),
        (["create", "x", "--template", "rust"], "rust"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    motia: Callable[..., Any], arguments: list[str], text: str
) -> None:
    ran = motia(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    first, *rest = ran.err.splitlines()
    assert first.startswith("error: ")
    assert text.lower() in first.lower()
    assert all(line.startswith("  hint: motia") for line in rest)


def test_wrong_settings_are_lines_without_a_stack_trace(motia: Callable[..., Any], project: Path) -> None:
    (project / "motia.toml").write_text("prot = 1\nport = 'x'")
    ran = motia("config", "show")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: motia.toml: expected a known setting, got 'prot'",
        "error: motia.toml: port: expected a whole number, got 'x'",
        "  hint: did you mean 'port'?",
    ]


def test_an_unsupported_database_ends_with_2(
    motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:pw@h/db")
    ran = motia("dev")
    assert ran.code == 2
    assert "got 'postgres'" in ran.err
    assert "pw" not in ran.err


def test_a_definition_error_names_its_place(
    motia: Callable[..., Any], app_module: types.SimpleNamespace
) -> None:
    async def broken(settings: Settings) -> None:
        raise DefinitionError("no", code="x", path="steps/a_step.py", line=7, hint="do")

    app_module.module.discover_project = broken
    ran = motia("steps")
    assert ran.code == 1
    assert ran.err == "error: steps/a_step.py:7: no\n  hint: do\n"


def test_config_show_names_values_and_origins(
    motia: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "motia.toml").write_text("[queue]\nconcurrency = 7")
    (project / ".env").write_text("no equals sign")
    monkeypatch.setenv("PORT", "4001")
    document = motia("config", "show", "--json").json
    assert document["settings"]["port"] == {"value": 4001, "origin": "environment PORT"}
    assert document["settings"]["queue.concurrency"] == {"value": 7, "origin": "motia.toml"}
    assert document["settings"]["host"]["origin"] == "default"
    assert document["notices"]
    shown = motia("config", "show")
    line = next(line for line in shown.out.splitlines() if line.startswith("queue.concurrency"))
    assert line.split() == ["queue.concurrency", "7", "motia.toml"]
    assert "note: .env:1: " in shown.err
    assert motia("config", "show", "--production", "--json").json["mode"] == "production"


def test_no_secret_of_the_settings_is_shown(
    motia: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"workbench.password": "a-pass-word-of-mine", "workflow.approval_key": "k" * 40}
    assert secrets.keys() == SECRETS
    for length in (40, 5):
        given = {name: secret[:length] for name, secret in secrets.items()}
        for name, text in given.items():
            monkeypatch.setenv(f"MOTIA_{name.upper().replace('.', '__')}", text)
        for options in ((), ("--json",)):
            ran = motia("config", "show", *options)
            assert not any(text in ran.out + ran.err for text in given.values())
            assert ("got another" in ran.err) == (length == 5)


def test_dotenv_is_put_into_the_environment_of_handlers(
    motia: Callable[..., Any], project: Path, app_module: types.SimpleNamespace
) -> None:
    import os

    (project / ".env").write_text("SERVICE_KEY=abc\n")
    assert motia("steps").code == 0
    assert os.environ["SERVICE_KEY"] == "abc"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["dev"], ("run_supervised", "development", 3001, 3000, 1)),
        (["dev", "--no-supervisor", "-p", "4001"], ("run_single", "development", 4001, 3000, 1)),
        (["dev", "--workbench-port", "4002"], ("run_supervised", "development", 3001, 4002, 1)),
        (["start", "--nodes", "3", "--strict"], ("run_supervised", "production", 3001, 3000, 3)),
    ],
)
def test_dev_and_start_hand_their_settings_to_the_supervisor(
    motia: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: tuple[Any, ...],
) -> None:
    calls: list[tuple[str, Settings]] = []
    module = types.ModuleType("motia.supervisor.run")
    for name in ("run_supervised", "run_single"):

        def run(settings: Settings, name: str = name, **_: Any) -> int:
            calls.append((name, settings))
            return 3

        setattr(module, name, run)
    monkeypatch.setitem(sys.modules, "motia.supervisor.run", module)
    assert motia(*arguments).code == 3
    [(name, settings)] = calls
    assert (name, settings.mode, settings.port, settings.workbench.port, settings.nodes) == expected
    assert settings.strict is ("--strict" in arguments)


def test_a_point_in_time_is_listed_as_one_can_read_it() -> None:
    assert describe_trigger(TimeTrigger(at_ms=4_102_444_740_000)) == "at 2099-12-31 23:59:00 UTC"


def test_steps_are_listed(motia: Callable[..., Any], app_module: types.SimpleNamespace) -> None:
    app_module.found.registry = build_registry([STEP])
    ran = motia("steps")
    assert ran.code == 0
    row = ran.out.splitlines()[1]
    assert row.startswith(
        "create_order  POST /orders, queue order.created, cron 0 9 * * * Europe/Berlin, state orders/*"
    )
    assert row.endswith("steps/create_order_step.py:3")
    assert "hello" in ran.err, "what step files print must not mix with our output"
    document = motia("steps", "--json").json
    assert document["steps"][0]["triggers"][0] == {"kind": "http", "description": "POST /orders"}
    assert document["steps"][0]["enqueues"] == ["order.created"]
    app_module.found.registry = build_registry([])
    assert "no steps found; put one into steps/" in motia("steps").err


def test_broken_steps_are_reported_and_fail_the_command(
    motia: Callable[..., Any], app_module: types.SimpleNamespace
) -> None:
    app_module.found.registry = build_registry([STEP])
    app_module.found.problems.append(
        DefinitionError(
            "expected X, got Y", code="step.syntax", path="steps/b_step.py", line=2, hint="fix it"
        )
    )
    ran = motia("steps")
    assert ran.code == 1
    assert "create_order" in ran.out
    assert "error: steps/b_step.py:2: expected X, got Y\n  hint: fix it\n" in ran.err
    as_json = motia("steps", "--json")
    assert as_json.code == 1
    assert as_json.json["problems"][0]["code"] == "step.syntax"


def test_openapi_goes_where_the_person_stands(
    motia: Callable[..., Any],
    project: Path,
    app_module: types.SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import json

    module = types.ModuleType("motia.http.openapi")

    def openapi(registry: Any, *, title: str, version: str) -> dict[str, Any]:
        return {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version},
            "paths": list(registry.steps),
        }

    module.openapi = openapi  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "motia.http.openapi", module)
    app_module.found.registry = build_registry([STEP])
    (project / "app").mkdir()
    assert motia("generate", "openapi", "--dir", "app", "-t", "Shop", "-v", "2").code == 0
    written = json.loads((project / "openapi.json").read_text())
    assert written == {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "2"},
        "paths": ["create_order"],
    }
    monkeypatch.chdir(project)
    assert motia("generate", "openapi", "--dir", "app", "--output", "-").json["info"]["title"] == "app"
    monkeypatch.chdir(project)
    both = motia("generate", "openapi", "--dir", "app", "--output", "api.json", "--json").json
    assert json.loads((project / "api.json").read_text()) == both
    (project / "openapi.json").unlink()
    monkeypatch.chdir(project)
    assert motia("generate", "openapi", "--dir", "app", "--json").json == both
    assert not (project / "openapi.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "openapi", "-o", "missing/openapi.json"),
        ("generate", "types", "-o", "missing/types.d.ts"),
        ("create", "motia.toml/app"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line(
    motia: Callable[..., Any], project: Path, arguments: tuple[str, ...]
) -> None:
    (project / "motia.toml").touch()
    ran = motia(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"error: {project}/")
    assert "expected a file that can be written, got: No" in ran.err


def test_a_choice_that_there_is_not(motia: Callable[..., Any]) -> None:
    ran = motia("create", "app", "--template", "nope")
    assert ran.code == 2
    assert "Invalid value for '--template' / '-t': 'nope' is not one of 'python'," in ran.err


def test_a_broken_pipe_is_not_an_error(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    ran = subprocess.run(
        f"{sys.executable} -c 'from motia.cli.main import run; run()' config show | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=project,
        check=True,
    )
    assert ran.stdout.startswith("SETTING")
    assert ran.stderr == ""


def test_errors_of_the_framework_end_with_1(
    motia: Callable[..., Any], app_module: types.SimpleNamespace
) -> None:
    async def broken(settings: Settings) -> None:
        raise MotiaError("store: full", code="x")

    app_module.module.discover_project = broken
    ran = motia("steps")
    assert (ran.code, ran.err) == (1, "error: store: full\n")


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("motia.cli.dev.supervise", interrupt)
    assert main(["dev"]) == 130


def test_schedules_are_listed_with_their_next_tick(
    motia: Callable[..., Any], app_module: types.SimpleNamespace
) -> None:
    from motia.core.clock import SystemClock

    app_module.found.registry = build_registry([STEP])
    [row] = motia("cron", "list", "--json").json
    assert (row["step"], row["expression"]) == ("create_order", "0 9 * * *")
    assert row["timezone"] == "Europe/Berlin"
    assert 0 < row["next_at_ms"] - SystemClock().now_ms() <= 25 * 3_600_000
    line = motia("cron", "list").out.splitlines()[1]
    assert line.startswith("create_order  0 9 * * *")
    assert " 09:00:00 " in line, "the next tick is not shown in its own time zone"
