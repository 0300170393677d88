"""One `Settings` out of every place that may set something, and where each value came from."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from motia.errors import SettingsError
from motia.settings.database import locate_database
from motia.settings.environment import read_dotenv, read_environment
from motia.settings.files import read_foreign_config, read_toml_files
from motia.settings.model import Mode, Settings
from motia.settings.names import NAMES, SECRETS, Given, Layer, Problem, nested

DEFAULT = "default"
_LEVELS = {"warn": "warning", "trace": "debug", "verbose": "debug", "critical": "error", "fatal": "error"}
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "path_type": "a path",
    "string_too_short": "a text of {min_length} characters or more",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or more",
    "less_than_equal": "a number of {le} or less",
    "literal_error": "one of {expected}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings of a project, and how they came about."""

    settings: Settings
    origins: Mapping[str, str]
    """Dotted name → where its value was given; `default` where nowhere."""
    notices: tuple[str, ...] = ()
    dotenv: Mapping[str, str] = field(default_factory=dict)
    """Variables of `.env` that the environment does not have; the caller puts them there for handlers."""


def load_settings(
    project_dir: Path | str,
    *,
    mode: Mode | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """The settings of the project in `project_dir`.

    Defaults < `motia.config.*` < `motia.toml` (or `[tool.motia]`) < its section of the mode < `.env` <
    environment < `flags` (dotted names; None = not given). Without `mode`, `NODE_ENV=production` decides.
    *Failure*: one `SettingsError` with a line for each thing that is wrong, in all places at once.
    """
    directory = Path(project_dir).absolute()
    if not directory.is_dir():
        raise SettingsError(
            f"project: expected a directory, got {str(directory)!r}", code="settings.no_project"
        )
    real = os.environ if environ is None else environ
    dotenv, dotenv_notices = read_dotenv(directory / ".env", real)
    outside = {**dotenv, **real}
    if mode is None:
        mode = "production" if outside.get("NODE_ENV") == "production" else "development"
    config = outside.get("MOTIA_CONFIG")
    layers = [
        Layer(values=_mode_defaults(mode)),
        *read_foreign_config(directory, mode, outside),
        *read_toml_files(directory, mode, directory / config if config else None),
        read_environment(dotenv, origin=".env"),
        Layer(notices=dotenv_notices),
        read_environment(real, origin="environment"),
        _flag_layer(flags or {}),
    ]
    given: dict[str, Given] = {}
    problems: list[Problem] = []
    for layer in layers:
        given |= layer.values
        problems += layer.problems
    settings = _validate(directory, mode, given, problems)
    if settings is not None:
        problems += _check_meaning(settings, given)
    if problems or settings is None:
        raise _error_of(problems)
    return Loaded(
        settings=settings,
        origins={name: given[name].origin if name in given else DEFAULT for name in NAMES},
        notices=tuple(notice for layer in layers for notice in layer.notices),
        dotenv=dotenv,
    )


def _mode_defaults(mode: Mode) -> dict[str, Given]:
    # The console shows payloads and can redrive: outside development it must be asked for.
    return {"workbench.enabled": Given(False, "default of production")} if mode == "production" else {}


def _flag_layer(flags: Mapping[str, Any]) -> Layer:
    given = {
        name: Given(value, f"--{name.replace('.', '-').replace('_', '-')}")
        for name, value in flags.items()
        if value is not None
    }
    return Layer(values=given)


def _validate(
    directory: Path, mode: Mode, given: Mapping[str, Given], problems: list[Problem]
) -> Settings | None:
    values = {name: _normal(name, item.value) for name, item in given.items()}
    try:
        return Settings.model_validate({**nested(values), "mode": mode, "project_dir": directory})
    except ValidationError as error:
        for detail in error.errors():
            parts = [str(part) for part in detail["loc"]]
            # Inside a list the location ends with an index; the setting is the known name before it.
            name = next(
                (".".join(parts[:end]) for end in (3, 2, 1) if ".".join(parts[:end]) in given), parts[0]
            )
            expected = _EXPECTED.get(detail["type"], detail["msg"]).format(**detail.get("ctx", {}))
            where = given[name].origin if name in given else "settings"
            got = "another" if name in SECRETS else repr(detail["input"])
            problems.append(Problem(f"{where}: {name}: expected {expected}, got {got}"))
        return None


def _normal(name: str, value: Any) -> Any:
    if name == "log.level" and isinstance(value, str):
        return _LEVELS.get(value.lower(), value.lower())
    return value


def _check_meaning(settings: Settings, given: Mapping[str, Given]) -> list[Problem]:
    problems = []
    try:
        locate_database(settings)
    except SettingsError as error:
        origin = given["database.url"].origin if "database.url" in given else DEFAULT
        problems.append(Problem(f"{origin}: {error.message}", error.hint or ""))
    try:
        zoneinfo.ZoneInfo(settings.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        origin = given["timezone"].origin if "timezone" in given else DEFAULT
        problems.append(
            Problem(
                f"{origin}: timezone: expected a name such as Europe/Berlin, got {settings.timezone!r}",
                "names are those of the IANA time zone database; on a bare system install the tzdata package",
            )
        )
    return problems


def _error_of(problems: list[Problem]) -> SettingsError:
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    return SettingsError(
        "\n".join(problem.text for problem in problems),
        code="settings.invalid",
        details={"errors": [problem.text for problem in problems]},
        hint="; ".join(hints) or None,
    )
