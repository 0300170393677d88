"""What `motia create` writes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from motia.cli.create import write_template
from motia.settings.load import load_settings

TEMPLATES = ["python", "empty"]
RULES = {"steps", "http", "queue", "cron", "state", "testing"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_file_is_written_under_its_own_name(
    motia: Callable[..., Any], project: Path, template: str
) -> None:
    document = motia("create", "my-app", "--template", template, "--json").json
    target = project / "my-app"
    assert document["path"] == str(target)
    found = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert found == set(document["files"])
    assert {
        ".gitignore",
        ".env.example",
        "AGENTS.md",
        "CLAUDE.md",
        "README.md",
        "motia.toml",
        "requirements.txt",
    } <= found
    assert {f".cursor/rules/{name}.mdc" for name in RULES} <= found
    assert any(name.startswith("steps/") and name.endswith("_step.py") for name in found)
    assert any(name.startswith("tests/test_") for name in found)


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_is_left_to_fill_in_and_the_code_parses(
    motia: Callable[..., Any], project: Path, template: str
) -> None:
    motia("create", "my-app", "-t", template)
    for path in (project / "my-app").rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert "{{" not in text, path
            if path.suffix == ".py":
                ast.parse(text)
    assert "# my-app" in (project / "my-app" / "README.md").read_text()
    assert re.search(r"^motia-steps>=\d", (project / "my-app" / "requirements.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_settings_of_a_template_load_in_both_modes(
    motia: Callable[..., Any], project: Path, template: str
) -> None:
    motia("create", "my-app", "-t", template)
    for mode in ("development", "production"):
        loaded = load_settings(project / "my-app", mode=mode, environ={})  # type: ignore[arg-type]
        assert loaded.notices == ()


@pytest.mark.parametrize("template", ["python", "empty", "typescript"])
def test_no_data_comes_into_git_wherever_settings_put_it(project: Path, template: str) -> None:
    write_template(template, project)
    subprocess.run(["git", "init", "-q", project], check=True)
    data = ["a.db", "a.db-wal", "a.db-shm", "checkpoint.lock", "nodes/1.lock", "approval.key", ".motia/a"]
    asked = ["git", "-C", str(project), "check-ignore", *data]
    ignored = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    assert ignored == data


@pytest.mark.parametrize("template", TEMPLATES)
def test_nobody_is_told_to_install_the_other_distribution(
    motia: Callable[..., Any], project: Path, template: str
) -> None:
    ran = motia("create", "my-app", "-t", template)
    texts = [ran.out, *(p.read_text() for p in (project / "my-app").rglob("*") if p.is_file())]
    for text in texts:
        assert not re.search(r"install\s+motia(?!-steps)\b", text)
        assert not re.search(r"^motia\s*([=<>~].*)?$", text, re.MULTILINE)


def test_the_next_commands_are_printed(motia: Callable[..., Any]) -> None:
    ran = motia("create", "my-app")
    assert ran.code == 0
    assert "  cd my-app\n  motia dev" in ran.out


def test_the_current_directory_when_it_is_empty(
    motia: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "here").mkdir()
    (project / "here" / ".git").mkdir()
    monkeypatch.chdir(project / "here")
    ran = motia("create", ".", "--template", "empty")
    assert ran.code == 0
    assert "cd " not in ran.out
    assert (project / "here" / "motia.toml").exists()


@pytest.mark.parametrize("name", ["motia", "Motia", "-x y", "my app", "ünï", "a" * 101, "..", "a/b c"])
def test_bad_names_are_refused(motia: Callable[..., Any], project: Path, name: str) -> None:
    ran = motia("create", "--", name)
    assert ran.code == 2
    assert ran.err.startswith("error: create: expected a ")
    assert list(project.iterdir()) == []


def test_a_directory_with_something_in_it_is_left_alone(motia: Callable[..., Any], project: Path) -> None:
    (project / "my-app").mkdir()
    (project / "my-app" / "notes.txt").write_text("mine")
    ran = motia("create", "my-app")
    assert ran.code == 2
    assert "not empty" in ran.err
    assert [path.name for path in (project / "my-app").iterdir()] == ["notes.txt"]


def test_the_shared_code_of_the_python_template_works(motia: Callable[..., Any], project: Path) -> None:
    motia("create", "my-app")
    code = (
        "from shop.orders import Order, processed\n"
        "order = Order(id='1', customer='a', items=[{'sku': 's', 'quantity': 3, 'unit_price_cents': 5}])\n"
        "print(processed(order).total_cents, processed(order).status)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project / "my-app", capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["15", "processed"]


def test_both_templates_carry_the_same_rules() -> None:
    root = resources.files("motia.cli") / "templates"
    for path in ["AGENTS.md", *(f"dot-cursor/rules/{name}.mdc" for name in sorted(RULES))]:
        texts = {(root / template).joinpath(path).read_text("utf-8") for template in TEMPLATES}
        assert len(texts) == 1, path


def test_the_readme_of_the_template_names_its_files(motia: Callable[..., Any], project: Path) -> None:
    motia("create", "my-app")
    target = project / "my-app"
    readme = (target / "README.md").read_text()
    for path in (target / "steps").glob("*_step.py"):
        assert f"steps/{path.name}" in readme
    assert tomllib.loads((target / "motia.toml").read_text())["port"] == 3001
