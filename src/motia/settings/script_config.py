"""`motia.config.js` and its like, evaluated by Node: as far as other frameworks say what we have."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motia.errors import SettingsError
from motia.settings.node_program import NODE_FIX, find_node

SCRIPT_CONFIGS = (
    "motia.config.ts",
    "motia.config.mts",
    "motia.config.js",
    "motia.config.mjs",
    "motia.config.cjs",
)
_SCRIPT = Path(__file__).parent.parent / "workers" / "node" / "config.js"
_TIMEOUT_S = 30.0
_ABSENT = {
    "app": "hooks into Express; write the routes as http steps",
    "plugins": "plugins of the old console; this one needs none",
    "adapters": "storage is chosen by `database.url`",
    "redis": "state and queues are kept by `database.url`",
    "otel": "traces are exported by the settings of `tracing`",
    "stepsDir": "steps are found under steps/, src/ and motia/",
}
"""Keys of the frameworks that write such files, and what to do instead."""
STREAM_AUTH = ("streamAuth", "authenticateStream")
"""Where such a file says who may follow streams."""


def evaluate_script(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the file exports, functions as `{"$function": true}`.

    Failure: `SettingsError` with the file's line, or without a Node that could read it.
    """
    node = find_node()
    if node is None:
        raise SettingsError(
            f"{path.name}: expected Node.js to read it, got no `node` on the PATH",
            code="settings.config_failed",
            hint=f"{NODE_FIX}; or write the settings into motia.toml",
        )
    try:
        done = subprocess.run(
            [node, str(_SCRIPT), str(path.parent), path.name],
            cwd=path.parent,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise SettingsError(
            f"{path.name}: expected a file that can be evaluated, got no answer from Node.js",
            code="settings.config_failed",
        ) from error
    if "error" in answer:
        failure = answer["error"]
        raise SettingsError(
            f"{path.name}:{failure['line']}: expected a file that can be evaluated, "
            f"got {failure['type']}: {failure['message']}",
            code="settings.config_failed",
            hint=failure["hint"],
        )
    config: dict[str, Any] = answer["config"]
    return config


def without_absent(
    config: Mapping[str, Any], name: str, section: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The config without the keys of other frameworks that have no meaning here, and a notice for each.

    One that says who may follow streams closes them to everybody whom its function, asked at each
    connection, does not let in.
    """
    place = f"{name} [{section}]" if section else name
    notices = [f"{place}: {key} has no effect: {_ABSENT[key]}" for key in config if key in _ABSENT]
    kept = {key: value for key, value in config.items() if key not in _ABSENT}
    for key in STREAM_AUTH:
        if key not in kept:
            continue
        value = kept.pop(key)
        streams = kept.get("streams")
        kept["streams"] = {**(streams if isinstance(streams, Mapping) else {}), "closed": True}
        function = value.get("authenticate", value) if isinstance(value, Mapping) else value
        if section or not (callable(function) or function == {"$function": True}):
            expected = "it to stand outside of sections" if section else "a function"
            notices.append(
                f"{place}: {key}: expected {expected}, so nobody may follow streams; mend it, or set"
                " streams.closed = false in motia.toml"
            )
    return kept, notices
