"""Projects of TypeScript and JavaScript: `create`, `adopt`, `build`, and the npm package `motia`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motia.cli.package_manager import package_manager_of

TEMPLATES = ["typescript", "javascript", "multilang", "full-stack"]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="missing: Node")


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_whole(motia: Callable[..., Any], project: Path, template: str) -> None:
    document = motia("create", "my-app", "-t", template, "--json").json
    target = project / "my-app"
    found = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert found == set(document["files"])
    assert {".gitignore", "AGENTS.md", "README.md", "package.json", "tools/motia/bin.js"} <= found
    for path in target.rglob("*"):
        if path.is_file() and not path.is_relative_to(target / "tools"):
            assert "{{" not in path.read_text("utf-8"), path
    manifest = json.loads((target / "package.json").read_text())
    assert manifest["dependencies"]["motia"] == "file:tools/motia"
    assert manifest["scripts"]["dev"] == "motia dev"
    assert json.loads((target / "tools/motia/package.json").read_text())["version"][0].isdigit()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["full-stack", "TypeScript", "1"], {"motia", "web", "package.json", "motia.config.js"}),
        (["Backend", "3", "1"], {"steps", "shop", "motia.toml"}),
        (["2", "Several", "1"], {"steps", "package.json", "requirements.txt"}),
    ],
)
def test_asking_gives_the_template_that_was_named(
    motia: Callable[..., Any],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str],
    expected: set[str],
) -> None:
    given = iter(["motia-tutorial", *answers])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(given))
    assert motia("create", "-i").code == 0
    assert next(given, None) is None
    assert expected <= {path.name for path in (project / "motia-tutorial").iterdir()}
    if "web" in expected:
        tree = {path.name for path in (project / "motia-tutorial" / "motia").iterdir()}
        assert tree == {"steps", "events", "workflows"}


def test_the_features_of_the_tutorial_bring_an_agent(
    motia: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(["motia-tutorial", "full-stack", "typescript", "API + Background Jobs + AI Integration"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(given))
    assert "pip install 'motia-steps[agents]'" in motia("create", "-i").out
    tutorial = project / "motia-tutorial"
    assert (tutorial / "motia/steps/ai/answer_question_step.py").is_file()
    assert not (tutorial / "steps").exists()
    assert "'motia-steps[agents]'" in (tutorial / "README.md").read_text()
    assert motia("create", "py", "--ai").code == 0
    assert (project / "py/requirements.txt").read_text().startswith("motia-steps[agents]>=")


@needs_node
def test_npx_reaches_the_command_of_this_machine(
    motia: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    motia("create", "my-app", "-t", "javascript")
    bin_file = project / "my-app" / "tools" / "motia" / "bin.js"
    command = tmp_path / "programs" / "motia"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "ran: $@"\nexit 7\n')
    command.chmod(0o755)
    own = project / "my-app" / "node_modules" / ".bin"
    own.mkdir(parents=True)
    (own / "motia").symlink_to(bin_file)
    environment = {**os.environ, "PATH": f"{own}:{command.parent}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [own / "motia", "steps", "--json"],
        cwd=project / "my-app",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.stdout, ended.returncode) == ("ran: steps --json\n", 7)


@needs_node
def test_the_application_ends_with_the_npm_that_runs_it(motia: Callable[..., Any], project: Path) -> None:
    motia("create", "my-app", "-t", "javascript")
    program = project / "motia"
    program.write_text(
        '#!/bin/sh\ntrap "echo ended; exit 0" TERM\necho "began$MOTIA_BIN"\nwhile :; do sleep 0.1; done\n'
    )
    program.chmod(0o755)
    bin_file = project / "my-app" / "tools" / "motia" / "bin.js"
    environment = {**os.environ, "MOTIA_BIN": str(program), "npm_lifecycle_event": "start"}
    command = ["sh", "-c", f"node {bin_file} start; :"]
    # The command itself takes each MOTIA_ for a setting, and refuses those that it does not know.
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as npm:
        assert npm.stdout is not None
        assert npm.stdout.readline() == "began\n"
        # As npm does: the signal goes no further.
        npm.terminate()
        assert npm.stdout.readline() == "ended\n"


OLD_MANIFEST = {
    "name": "old",
    "scripts": {
        "postinstall": "motia install",
        "dev": "motia dev --port 3000",
        "test": "jest",
        "start": "node x.js",
    },
    "dependencies": {"@motiadev/core": "0.17.14", "@motiadev/plugin-logs": "0.17.14", "zod": "^4.1.0"},
    "devDependencies": {"motia": "0.17.14", "@motiadev/adapter-redis-state": "0.17.14"},
}


def test_adopting_a_project_of_the_earlier_framework(motia: Callable[..., Any], project: Path) -> None:
    (project / "package.json").write_text(json.dumps(OLD_MANIFEST))
    (project / "steps").mkdir()
    (project / "steps" / "node.step.tsx").write_text("export default () => null")
    (project / "motia-workbench.json").write_text("[]")
    before = motia("adopt", "--dry-run", "--json").json
    assert json.loads((project / "package.json").read_text()) == OLD_MANIFEST
    assert not (project / "tools").exists()
    done = motia("adopt", "--json").json
    assert any("motia-workbench.json" in text for text in done["lacking"])
    assert any("1 *.step.tsx" in text for text in done["lacking"])
    assert set(before["changes"]) < set(done["changes"])
    manifest = json.loads((project / "package.json").read_text())
    assert manifest["dependencies"] == {"motia": "file:tools/motia", "zod": "^4.1.0"}
    assert manifest["devDependencies"] == {}
    assert manifest["scripts"] == {
        "dev": "motia dev",
        "build": "motia build",
        "test": "jest",
        "start": "node x.js",
    }
    assert (project / "tools/motia/runtime/authoring/index.js").is_file()
    assert ".motia/" in (project / ".gitignore").read_text()
    again = motia("adopt", "--json").json
    assert again["changes"] == ["tools/motia: written"]


@needs_node
def test_adopting_what_is_installed_writes_its_types(motia: Callable[..., Any], project: Path) -> None:
    (project / "package.json").write_text("{}")
    (project / "pnpm-lock.yaml").touch()
    (project / "node_modules").mkdir()
    (project / "steps").mkdir()
    step = project / "steps" / "a.step.js"
    step.write_text(
        "export const config = { name: 'A', type: 'event', subscribes: ['a'] }\n"
        "export const handler = async () => undefined\n"
    )
    ran = motia("adopt")
    assert "types.d.ts: written" in ran.out
    assert "Next: pnpm install, pnpm exec motia generate types (and what is broken), pnpm run dev" in ran.out
    assert '"a": any' in (project / "types.d.ts").read_text()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "npm"),
        ({"package.json": '{"packageManager": "pnpm@9.1.0"}', "yarn.lock": ""}, "pnpm"),
        ({"package.json": "[", "bun.lock": ""}, "bun"),
        ({"../yarn.lock": "", "package.json": '{"packageManager": "other@1"}'}, "yarn"),
        ({"../yarn.lock": "", "package-lock.json": "{}"}, "npm"),
        ({"../../pnpm-workspace.yaml": "", "../.git/config": ""}, "npm"),
    ],
)
def test_the_package_manager_is_the_one_in_use(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    project = tmp_path / "repository" / "app"
    project.mkdir(parents=True)
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    assert package_manager_of(project).name == expected


def test_adopting_needs_a_package(motia: Callable[..., Any], project: Path) -> None:
    ran = motia("adopt")
    assert ran.code == 2
    assert "package.json" in ran.err


@needs_node
def test_building_checks_and_old_spellings_work(motia: Callable[..., Any], project: Path) -> None:
    steps = project / "steps"
    steps.mkdir()
    (steps / "a.step.js").write_text(
        "export const config = { type: 'event', name: 'A', subscribes: ['a'] }\n"
        "export const handler = async () => 1\n"
    )
    built = motia("build")
    assert built.code == 0, built.err
    assert "1 step, 0 broken" in built.out
    assert '"a": any' in (project / "types.d.ts").read_text()
    assert "(unchanged)" in motia("generate-types").out
    assert motia("emit", "--topic", "a", "--message", '{"x": 1}').out.strip().endswith("→ A")
    (steps / "b.step.js").write_text("export const config = {")
    assert motia("build").code == 1
