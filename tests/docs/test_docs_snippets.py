"""What the documentation shows works: steps load and run, projects pass their tests, settings are known."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from markdown_pages import ROOT, Snippet, snippets

import motia
from motia.settings.load import load_settings
from motia.testing import TestApp

_WITHOUT_EFFECT = ("unknown key", "no effect")


def _is_step(snippet: Snippet) -> bool:
    return snippet.file is None and "fragment" not in snippet.marks


def _named(found: list[Snippet]) -> list[Any]:
    return [pytest.param(snippet, id=snippet.name) for snippet in found]


def _projects() -> dict[Path, list[Snippet]]:
    pages: dict[Path, list[Snippet]] = {}
    for snippet in snippets():
        if snippet.file is not None:
            pages.setdefault(snippet.page, []).append(snippet)
    return pages


@pytest.mark.parametrize("snippet", _named([one for one in snippets("python") if _is_step(one)]))
def test_a_step_of_the_documents_loads_and_runs(snippet: Snippet, tmp_path: Path) -> None:
    step = tmp_path / "steps" / "documented_step.py"
    step.parent.mkdir()
    step.write_text(snippet.text, "utf-8")
    asyncio.run(_serve(tmp_path, snippet.runs))


@pytest.mark.parametrize("snippet", _named([one for one in snippets("python") if "fragment" in one.marks]))
def test_a_fragment_of_the_documents_is_python(snippet: Snippet) -> None:
    compile(snippet.text, snippet.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in _projects()])
def test_a_project_of_the_documents_runs_and_passes_its_tests(page: Path, tmp_path: Path) -> None:
    files = _projects()[page]
    for snippet in files:
        path = tmp_path / str(snippet.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(snippet.text, "utf-8")
    if any(str(snippet.file).endswith((".ts", ".js")) for snippet in files):
        _bring_packages(tmp_path)
    asyncio.run(_serve(tmp_path, [run for snippet in files for run in snippet.runs]))
    for test in tmp_path.glob("checks/*.test.js"):
        _run_script_test(tmp_path, test)
    if (tmp_path / "tests").is_dir():
        options = ["-q", "-p", "motia.testing.pytest_plugin", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(tmp_path / "tests")]
        # Other plugins of this environment would only cost time.
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def _run_script_test(project: Path, test: Path) -> None:
    """A test of `node:test`, its TypeScript loaded as the worker loads it."""
    loader = Path(motia.__file__).parent / "workers" / "node" / "loading" / "project.js"
    script = (
        f"const {{ Project }} = await import({json.dumps(str(loader))});"
        f"const project = new Project({json.dumps(str(project))}, 'cache');"
        f"await project.exportsOf({json.dumps(f'checks/{test.name}')})"
    )
    command = ["node", "--input-type=module", "-e", script]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "# fail 0" in ended.stdout
    assert "# pass 0" not in ended.stdout


def _bring_packages(project: Path) -> None:
    """The npm packages that the steps import: missing ones skip here, and fail in CI."""
    packages = ROOT / "tests" / "npm" / "node_modules"
    if not packages.is_dir() or shutil.which("node") is None:
        missing = "missing: Node 20, and `make npm`"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    (project / "node_modules").symlink_to(packages)


async def _serve(project: Path, runs: tuple[str, ...] | list[str]) -> None:
    async with TestApp(project) as app:
        assert app.app.discovered is not None
        assert app.app.discovered.registry.steps
        said = [str(notice) for notice in app.app.discovered.notices]
        assert not [text for text in said if any(words in text for words in _WITHOUT_EFFECT)]
        for run in runs:
            await _run(app, run)


async def _run(app: TestApp, run: str) -> None:
    order, _, expected = run.partition(" -> ")
    verb, name, *rest = order.split(" ", 2)
    data = json.loads(rest[0]) if rest else None
    if verb == "emit":
        dead_before = len(await app.dead_letters())
        assert await app.emit(name, data), f"{run}: nobody subscribes"
        await app.until_idle()
        died = len(await app.dead_letters()) - dead_before
        if expected == "suspended":
            assert await app.app.backend.workflow.runs(status="suspended", limit=1), run
        else:
            assert ("dead" if died else "completed") == expected, run
    elif verb == "cron":
        message_id = await app.run_cron(name)
        await app.until_idle()
        assert message_id
        assert not await app.dead_letters(), run
    else:
        answer = await app.http.request(verb, name, json=data)
        await app.until_idle()
        status, _, part = expected.partition(" ")
        assert answer.status_code == int(status), f"{run}: {answer!r}"
        assert not part or _holds(answer.json(), json.loads(part)), f"{run}: {answer!r}"


def _holds(whole: Any, part: Any) -> bool:
    """Whether everything in `part` is in `whole`."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and _holds(whole[key], value) for key, value in part.items()
        )
    return bool(whole == part)


@pytest.mark.parametrize("snippet", _named(snippets("toml")))
def test_settings_of_the_documents_are_known(snippet: Snippet, tmp_path: Path) -> None:
    assert tomllib.loads(snippet.text)
    if snippet.text.startswith("[tool.motia"):
        (tmp_path / "pyproject.toml").write_text(snippet.text, "utf-8")
    else:
        (tmp_path / "motia.toml").write_text(snippet.text, "utf-8")
    for environment in ({}, {"NODE_ENV": "production"}):
        assert load_settings(tmp_path, environ=environment).settings.project_dir == tmp_path


@pytest.mark.parametrize("snippet", _named(snippets("json")))
def test_json_of_the_documents_is_json(snippet: Snippet) -> None:
    assert json.loads(snippet.text) is not None


def test_every_snippet_says_its_language() -> None:
    known = {
        "python",
        "console",
        "toml",
        "json",
        "text",
        "sql",
        "lua",
        "ts",
        "tsx",
        "js",
        "html",
        "ruby",
        "go",
    }
    assert {one.name: one.language for one in snippets() if one.language not in known} == {}
    assert (ROOT / "README.md").is_file()
