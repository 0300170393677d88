"""Loads the plugins that the settings name."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from motia.core.causes import place_of
from motia.core.stack import own_stack
from motia.errors import SettingsError
from motia.settings import Settings
from motia.workbench.hooks import Plugin

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def load_plugins(settings: Settings, report: Callable[[str], None]) -> list[Plugin]:
    """Those that load; of one that does not the operator is told, and the rest goes on."""
    found: dict[str, Plugin] = {}
    for name in settings.workbench.plugins:
        try:
            plugin = load_plugin(settings.project_dir, name, found)
            found[plugin.name] = plugin
        except SettingsError as error:
            report(str(error))
    return list(found.values())


def load_plugin(project_dir: Path, name: str, taken: Collection[str] = ()) -> Plugin:
    """The plugin that the settings call `name`; `taken` are the names of others.

    Failure: `SettingsError` `workbench.plugin`, saying why it does not load.
    """
    plugin = getattr(_module(project_dir, name), "plugin", None)
    if not isinstance(plugin, Plugin):
        raise _broken(name, "a `plugin = Plugin(…)` in it", repr(plugin))
    if not _NAME.fullmatch(plugin.name) or plugin.name in taken:
        raise _broken(name, "a name of its own of small letters, digits and dashes", repr(plugin.name))
    if not (plugin.page / "index.html").is_file():
        raise _broken(name, f"an index.html in {plugin.page}", "none")
    return plugin


def _module(project_dir: Path, name: str) -> Any:
    try:
        if "/" not in name and not name.startswith("."):
            return importlib.import_module(name)
        file = (project_dir / name / "plugin.py").resolve()
        module_name = f"motia_workbench_plugin_{re.sub(r'[^A-Za-z0-9]', '_', name)}"
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a plugin's own code raises
        place = place_of(own_stack(error, str(project_dir.resolve())))
        got = f"{type(error).__name__}: {error}" + (
            f" at {place}" if place and not place.startswith("<") else ""
        )
        raise _broken(name, "a module that can be imported", got) from error
    return module


def _broken(name: str, expected: str, got: str) -> SettingsError:
    return SettingsError(
        f"workbench.plugins: {name}: expected {expected}, got {got}",
        code="workbench.plugin",
        hint="see docs/how-to/workbench-plugin.md",
    )
