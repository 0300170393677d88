"""Settings from the files of a project: motia.toml, pyproject.toml, motia.config.py."""

from __future__ import annotations

import runpy
import tomllib
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motia.errors import SettingsError
from motia.settings.model import Mode
from motia.settings.names import Layer, flatten
from motia.settings.script_config import SCRIPT_CONFIGS, evaluate_script, without_absent

MODES: tuple[Mode, ...] = ("development", "production")


def read_toml_files(project_dir: Path, mode: Mode, config: Path | None = None) -> list[Layer]:
    """Layers of `motia.toml` (or `config`, or `[tool.motia]`): the base, then the section of `mode`."""
    path = config or project_dir / "motia.toml"
    if config is not None and not config.is_file():
        raise SettingsError(f"MOTIA_CONFIG: expected a file, got {str(config)!r}", code="settings.no_file")
    pyproject = project_dir / "pyproject.toml"
    tool = _read_toml(pyproject).get("tool", {}).get("motia") if pyproject.is_file() else None
    if path.is_file():
        layers = _with_modes(_read_toml(path), path.name, mode)
        if tool is not None:
            layers[0].notices.append(f"pyproject.toml: [tool.motia] is ignored because {path.name} is there")
        return layers
    return _with_modes(tool, "pyproject.toml [tool.motia]", mode) if tool is not None else []


def read_foreign_config(project_dir: Path, mode: Mode, environment: Mapping[str, str]) -> list[Layer]:
    """Layers of `motia.config.*`, evaluated; names that are not settings become notices.

    `MOTIA_ENV`, else `NODE_ENV`, chooses the section; without them `mode` does.
    """
    chosen = environment.get("MOTIA_ENV") or environment.get("NODE_ENV")
    section: Mode = (
        "production" if chosen == "production" else "development" if chosen == "development" else mode
    )
    layers: list[Layer] = []
    for name in (*SCRIPT_CONFIGS, "motia.config.py"):
        path = project_dir / name
        if not path.is_file():
            continue
        if layers:
            layers.append(Layer(notices=[f"{name}: is ignored because of another motia.config file"]))
        elif path.suffix == ".py":
            layers += _foreign_layers(name, _python_config(path), section)
        else:
            layers += _foreign_layers(name, evaluate_script(path, environment), section)
    return layers


def _python_config(path: Path) -> dict[str, Any]:
    namespace = _evaluate(path)
    base = namespace.get("config")
    table = dict(base) if isinstance(base, Mapping) else {}
    return table | {name: namespace[name] for name in MODES if isinstance(namespace.get(name), Mapping)}


def _foreign_layers(name: str, table: Mapping[str, Any], mode: Mode) -> list[Layer]:
    if not table and name.endswith(".py"):
        notice = f"{name}: expected settings named config, development or production, found none"
        return [Layer(notices=[notice])]
    notices: list[str] = []
    for section in ("", *MODES):
        part = table.get(section) if section else table
        if isinstance(part, Mapping):
            kept, absent = without_absent(part, name, section)
            table = {**table, section: kept} if section else kept
            notices += absent if section in ("", mode) else []
    layers = _with_modes(table, name, mode)
    for layer in layers:
        # Written for another framework: what we do not have is worth a word, not a refusal.
        layer.notices += [f"{problem.text}; it is ignored" for problem in layer.problems]
        layer.problems = []
    layers[0].notices += notices
    return layers


def _with_modes(table: Mapping[str, Any], origin: str, mode: Mode) -> list[Layer]:
    base = flatten({key: value for key, value in table.items() if key not in MODES}, origin=origin)
    layers = [base]
    for name in MODES:
        if name not in table:
            continue
        section = flatten({name: table[name]}, origin=origin)
        if isinstance(table[name], Mapping):
            section = flatten(table[name], origin=f"{origin} [{name}]")
        if name != mode:
            base.problems += section.problems
        else:
            layers.append(section)
    return layers


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        # BOMs come from Windows editors.
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name}: expected TOML in UTF-8, got text that stops making sense: {error}",
            code="settings.malformed",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{path.name}: expected a readable file, got {error.strerror}", code="settings.unreadable"
        ) from error


def _evaluate(path: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(path), run_name="motia_config")
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else 1
        raise SettingsError(
            f"{path.name}:{line}: expected a file that can be evaluated, got {type(error).__name__}: {error}",
            code="settings.config_failed",
        ) from error
