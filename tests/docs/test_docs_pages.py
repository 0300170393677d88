"""Links lead somewhere, commands exist, and what is generated from the code is what the code says."""

from __future__ import annotations

import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from markdown_pages import ROOT, Snippet, headings, pages, snippets

from motia.cli.commands import command_line

_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"`(tests/\w+/[\w/.]+)`")
_LONGEST_LINE_CHARS = 110
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_reference", ROOT / "scripts" / "generate_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_reference_is_up_to_date(generator: ModuleType) -> None:
    stale = [str(path.relative_to(ROOT)) for path in generator.stale_pages()]
    assert stale == [], "run `python scripts/generate_reference.py`"


def test_every_generated_part_stands_on_a_page(generator: ModuleType) -> None:
    text = "".join(page.read_text("utf-8") for page in pages())
    assert [name for name in generator.PARTS if f"<!-- begin generated: {name} -->" not in text] == []


def test_a_changed_page_is_found_stale(generator: ModuleType) -> None:
    page = "before\n<!-- begin generated: one -->\nold\n<!-- end generated -->\nafter\n"
    wanted = generator.regenerated(page, {"one": lambda: "new\n"})
    assert wanted == page.replace("old", "new")


def test_every_test_that_a_page_names_exists() -> None:
    named = {name for page in pages() for name in _TEST.findall(page.read_text("utf-8"))}
    assert len(named) > 20
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_links_lead_to_a_page_and_a_heading(page: Path) -> None:
    broken = []
    for target in _LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        if not found.exists() or (anchor and anchor not in headings(found)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_lines_fit_a_terminal(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    long = [
        number
        for number, line in enumerate(lines, 1)
        if len(line) > _LONGEST_LINE_CHARS and not line.startswith(("|", "<!--"))
    ]
    assert long == []


@pytest.mark.parametrize(
    "snippet", [pytest.param(snippet, id=snippet.name) for snippet in snippets("console")]
)
def test_commands_of_the_documents_exist(snippet: Snippet) -> None:
    commands = [line.removeprefix("$ ") for line in _joined(snippet.text) if line.startswith("$ ")]
    assert commands, "expected at least one line that starts with `$ `"
    for command in commands:
        words = shlex.split(command, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[0] == "motia":
            _check_motia(words[1:])
        elif words[0] == "make":
            targets = _TARGET.findall((ROOT / "Makefile").read_text("utf-8"))
            assert set(words[1:]) <= set(targets), command
        elif "install" in words:
            assert "motia" not in words, "that name is another project's"


def _joined(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


@cache
def _motia() -> Any:
    return typer.main.get_command(command_line())


def _check_motia(words: list[str]) -> None:
    command = _motia()
    name = "motia"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{name}: no command {words[0]!r}"
        command, name, words = command.commands[words[0]], f"{name} {words[0]}", words[1:]
    if words and set(words) & {"&", "|", ">"}:
        words = words[: min(index for index, word in enumerate(words) if word in ("&", "|", ">"))]
    command.make_context(name, list(words))
