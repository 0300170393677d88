"""Where the nodes of flows stand: `motia-workbench.json` of the project, in the form that Motia 0.x wrote.

    [{"id": "<flow>", "config": {"<file of the step>": {"x": 0, "y": 0, "sourceHandlePosition": "right", …}}}]

A file that defines several steps gives each a key of its own, `<file>#<step>`; what is no step of a file
stands under its node id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motia.errors import InputError, SettingsError

FILE_NAME = "motia-workbench.json"
_HANDLES = {"source_handle": "sourceHandlePosition", "target_handle": "targetHandlePosition"}
_MAX_NODES = 10_000


def read_layout(project_dir: Path, flow: str) -> dict[str, dict[str, Any]]:
    """Positions by key. A file that is missing or no longer JSON has none: the page lays out by itself."""
    for entry in _entries(project_dir / FILE_NAME):
        if entry.get("id") == flow and isinstance(entry.get("config"), Mapping):
            return {
                str(key): _read_position(value) for key, value in entry["config"].items() if _has_place(value)
            }
    return {}


def write_layout(project_dir: Path, flow: str, positions: Mapping[str, Mapping[str, Any]]) -> None:
    """Remember the positions of a flow; those of other flows stay.

    Failure: `SettingsError` `settings.project_dir` where the file cannot be written.
    """
    path = project_dir / FILE_NAME
    entries = [entry for entry in _entries(path) if entry.get("id") != flow]
    entries.append({"id": flow, "config": {key: _written(value) for key, value in positions.items()}})
    draft = path.with_suffix(".json.new")
    try:
        draft.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: expected to write it, got {error.strerror}", code="settings.project_dir"
        ) from error


def checked_positions(given: Any) -> dict[str, dict[str, Any]]:
    """The positions of a request. Failure: `InputError` `input.invalid`."""
    if not isinstance(given, Mapping) or len(given) > _MAX_NODES or not all(map(_has_place, given.values())):
        raise InputError(
            "body.positions: expected {node id: {x, y}}, got something else",
            code="input.invalid",
            status=422,
        )
    return {
        str(key): {name: value[name] for name in ("x", "y", *_HANDLES) if name in value}
        for key, value in given.items()
    }


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [entry for entry in document if isinstance(entry, dict)] if isinstance(document, list) else []


def _has_place(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(value.get(axis), int | float) and not isinstance(value.get(axis), bool)
        for axis in ("x", "y")
    )


def _read_position(value: Mapping[str, Any]) -> dict[str, Any]:
    handles = {ours: value[theirs] for ours, theirs in _HANDLES.items() if isinstance(value.get(theirs), str)}
    return {"x": value["x"], "y": value["y"], **handles}


def _written(position: Mapping[str, Any]) -> dict[str, Any]:
    handles = {theirs: position[ours] for ours, theirs in _HANDLES.items() if ours in position}
    return {"x": position["x"], "y": position["y"], **handles}
