from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from motia.core.message import QueueName
from motia.discovery.dialects import no_cron_check
from motia.discovery.project import Discovered, discover
from motia.engine.enqueue import nearest_known
from motia.runtimes.protocol import Definition, Loaded
from motia.runtimes.python.loader import Loader


class PythonFiles:
    """Loads Python and runs nothing."""

    language = "python"

    def __init__(self) -> None:
        self.loader = Loader()

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        return self.loader.load(project_dir, files)

    async def invoke(self, invocation: Any, function: Any) -> Any:
        raise AssertionError("discovery runs no handler")


class ScriptFiles(PythonFiles):
    """Declares an event for every file, as a worker of TypeScript and JavaScript would."""

    language = "typescript"

    def __init__(self) -> None:
        self.loads: list[list[str]] = []

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        self.loads.append([path.name for path in files])
        return Loaded(
            definitions=[
                Definition(
                    kind="step",
                    path=f"steps/{path.name}",
                    line=1,
                    language="typescript",
                    config={"type": "event", "name": path.name, "subscribes": ["order.created"]},
                    handler=path.name,
                )
                for path in files
            ]
        )


@pytest.fixture
def python() -> Iterator[PythonFiles]:
    runtime = PythonFiles()
    yield runtime
    runtime.loader.close()


def write(root: Path, files: dict[str, str]) -> None:
    for relative, text in files.items():
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_text(text)


def look(root: Path, runtimes: dict[str, Any]) -> Discovered:
    return asyncio.run(discover(root, runtimes, check_cron=no_cron_check, version=7))


ORDERS = """
config = {"type": "api", "name": "Orders", "method": "POST", "path": "/orders", "emits": ["order.created"]}
async def handler(req, ctx): ...
"""
MAIL = """
config = {"type": "event", "name": "Mail", "subscribes": ["order.created"]}
async def handler(input, ctx): ...
"""


def test_a_project_of_two_languages(tmp_path: Path, python: PythonFiles) -> None:
    write(
        tmp_path,
        {
            "steps/orders_step.py": ORDERS,
            "steps/mail_step.py": MAIL,
            "steps/a.step.ts": "",
            "steps/b.step.js": "",
            "src/todo_stream.py": "config = {'name': 'todo'}\n",
            "app.py": "",
        },
    )
    scripts = ScriptFiles()
    found = look(tmp_path, {"python": python, "typescript": scripts, "javascript": scripts})
    assert (found.problems, found.notices) == ((), ())
    assert found.registry.version == 7
    assert list(found.registry.steps) == ["a.step.ts", "b.step.js", "Mail", "Orders"]
    assert list(found.registry.streams) == ["todo"]
    assert {entry.step.name for entry in found.registry.subscribers["order.created"]} == {
        "Mail",
        "a.step.ts",
        "b.step.js",
    }
    assert QueueName("order.created", "Mail") in found.registry.queues
    assert scripts.loads == [["a.step.ts", "b.step.js"]]
    assert found.app_file == tmp_path.resolve() / "app.py"
    assert len(found.files) == 5


def test_an_empty_project(tmp_path: Path, python: PythonFiles) -> None:
    found = look(tmp_path, {"python": python})
    assert (dict(found.registry.steps), found.problems, found.files) == ({}, (), ())


def test_files_of_a_language_that_cannot_run_are_named(tmp_path: Path, python: PythonFiles) -> None:
    text = "subscribes: ['mail.sent']"
    write(tmp_path, {"steps/mail_step.py": MAIL, "steps/a.step.rb": text, "steps/b.step.go": ""})
    found = look(tmp_path, {"python": python})
    told = nearest_known("mail.sent", found.registry.subscribers, found.registry)
    assert told == " (steps/a.step.rb names it and could not be loaded)"
    assert list(found.registry.steps) == ["Mail"]
    assert [(problem.code, problem.path) for problem in found.problems] == [
        ("runtime.missing", "steps/a.step.rb"),
        ("runtime.missing", "steps/b.step.go"),
    ]
    assert "Ruby steps need Ruby" in str(found.problems[0])


def test_everything_wrong_is_told_in_one_run_and_the_rest_serves(tmp_path: Path, python: PythonFiles) -> None:
    write(
        tmp_path,
        {
            "steps/a_step.py": "def broken(:\n",
            "steps/b_step.py": "config = {'type': 'crn', 'name': 'B'}\ndef handler(i): ...\n",
            "steps/c_step.py": MAIL,
            "steps/d_step.py": MAIL,
            "steps/e_step.py": ORDERS,
            "steps/f_step.py": ORDERS.replace('"Orders"', '"Again"'),
            "steps/g_step.py": "import not_installed_anywhere\n",
        },
    )
    found = look(tmp_path, {"python": python})
    assert list(found.registry.steps) == ["Mail", "Orders"]
    assert [(problem.path[6], problem.code) for problem in found.problems] == [
        ("a", "step.syntax"),
        ("b", "step.unknown_type"),
        ("d", "step.duplicate_name"),
        ("f", "step.duplicate_route"),
        ("g", "step.import_failed"),
    ]


def test_cron_expressions_are_checked_by_what_was_given(tmp_path: Path, python: PythonFiles) -> None:
    text = "config = {'type': 'cron', 'name': 'Tick', 'cron': 'never'}\ndef handler(ctx): ...\n"
    write(tmp_path, {"steps/tick_step.py": text})

    async def run() -> Discovered:
        return await discover(
            tmp_path, {"python": python}, check_cron=lambda text, zone: (f"no {text}", None)
        )

    found = asyncio.run(run())
    assert [problem.code for problem in found.problems] == ["step.bad_cron"]
    assert "no never" in found.problems[0].message
