"""`import motia`: cheap, complete, and its names are not shadowed by its subpackages."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import motia
from motia.authoring.context import Context
from motia.authoring.state import State


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def imported_for_checkers() -> dict[str, str]:
    """Name → module of the imports that type checkers see."""
    tree = ast.parse(Path(motia.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_checkers_and_programs_see_the_same_names() -> None:
    seen = imported_for_checkers()
    assert sorted(seen) == motia.__all__
    for name, module in seen.items():
        assert getattr(motia, name) is getattr(importlib.import_module(module), name), name


def test_every_name_is_listed() -> None:
    assert set(motia.__all__) <= set(dir(motia))
    assert len(motia.__all__) == len(set(motia.__all__))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        motia.nonsense  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = run(
        "import sys, motia; print(*sorted(name for name in sys.modules if name.startswith('motia.')))"
    )
    assert loaded == ""


def test_the_authoring_surface_does_without_pydantic() -> None:
    heavy = ("pydantic", "jsonschema_rs", "starlette", "apsw", "python_multipart")
    loaded = run(
        f"import sys; from motia import *; print(*[name for name in {heavy} if name in sys.modules])"
    )
    assert loaded == ""


@pytest.mark.parametrize("name", ["http", "queue", "cron", "state"])
def test_a_subpackage_does_not_hide_the_trigger_of_its_name(name: str) -> None:
    # In either order: the subpackage first, and the name first.
    assert run(f"import motia.{name}; from motia import {name}; print(callable({name}))") == "True"
    assert (
        run(
            f"from motia import {name} as f; import motia.{name}; import sys; "
            f"print(motia.{name} is f, sys.modules['motia.{name}'] is not f)"
        )
        == "True True"
    )


def test_other_attributes_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = object()
    monkeypatch.setattr(motia, "http", replaced)
    assert motia.http is replaced  # type: ignore[comparison-overlap]


def test_star_import_gives_the_triggers() -> None:
    assert run("from motia import *; print(http('GET', '/x').type, step.__name__)") == "http step"


def test_names_of_motia_1_are_those_of_today() -> None:
    assert motia.FlowContext is Context
    assert motia.FlowContext[int] is Context  # type: ignore[misc]
    assert motia.MotiaHttpRequest is motia.ApiRequest is motia.Request
    assert motia.stateManager is motia.state_manager
    assert motia.emit is motia.enqueue
    assert motia.Step is motia.StepDefinition
    assert motia.StateManager is State
