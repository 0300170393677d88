"""Settings from the environment and from `.env`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

from motia.core.spelling import did_you_mean
from motia.errors import SettingsError
from motia.settings.names import NAMES, Given, Layer, Problem

COMMON = {
    "PORT": "port",
    "HOST": "host",
    "DATABASE_URL": "database.url",
    "LOG_LEVEL": "log.level",
}
"""Names that hosting platforms and container images set. `MOTIA_*` wins over them."""

NOT_SETTINGS = frozenset(
    {
        "MOTIA_CONFIG",
        "MOTIA_ENV",
        "MOTIA_REENTERED",
        # Of the earlier framework; projects that come from there still have them in their environment.
        "MOTIA_ANALYTICS_DISABLED",
        "MOTIA_API_KEY",
        "MOTIA_DISABLE_MEMORY_SERVER",
        "MOTIA_DOCKER_DISABLE_WORKBENCH",
        "MOTIA_ENVIRONMENT_ID",
        "MOTIA_TUTORIAL_DISABLED",
    }
)
_REDIS = ("REDIS_URL", "MOTIA_REDIS_HOST", "MOTIA_REDIS_PORT")
_LISTS = {"cors.origins", "cors.methods", "cors.headers", "tracing.redact"}


def variable_of(name: str) -> str:
    """The environment variable of a dotted setting."""
    return f"MOTIA_{name.replace('.', '__').upper()}"


_BY_VARIABLE = {variable_of(name): name for name in NAMES}


def read_environment(environ: Mapping[str, str], *, origin: str) -> Layer:
    """What `environ` sets. Empty values count as not set, as container tools leave them."""
    layer = Layer()
    for variable, name in COMMON.items():
        if environ.get(variable):
            layer.values[name] = Given(environ[variable], f"{origin} {variable}")
    for variable in sorted(environ):
        if variable in _REDIS and environ[variable]:
            layer.notices.append(
                f"{origin} {variable}: Redis is not a backend yet; only handlers see the variable"
            )
        elif not variable.startswith("MOTIA_") or variable in NOT_SETTINGS:
            continue
        elif variable not in _BY_VARIABLE:
            layer.problems.append(
                Problem(
                    f"{origin} {variable}: expected the name of a setting, got none of that name",
                    did_you_mean(
                        variable,
                        _BY_VARIABLE,
                        "sections are joined by __, as in MOTIA_QUEUE__CONCURRENCY",
                    ),
                )
            )
        elif environ[variable]:
            name = _BY_VARIABLE[variable]
            text = environ[variable]
            value = [part.strip() for part in text.split(",") if part.strip()] if name in _LISTS else text
            layer.values[name] = Given(value, f"{origin} {variable}")
    return layer


def read_dotenv(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables of a `.env` file and notices about lines that make no sense.

    `${NAME}` is replaced from the environment, then from earlier lines. Names that the environment has are
    left out: a file never overrides it.
    """
    if not path.is_file():
        return {}, []
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name}: expected readable text in UTF-8, got {error}", code="settings.unreadable"
        ) from error
    values: dict[str, str] = {}
    notices: list[str] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            notices.append(f"{path.name}:{binding.original.line}: expected NAME=value; the line is ignored")
        elif binding.key is not None and binding.value is not None:
            known = {**values, **environ}
            values[binding.key] = "".join(atom.resolve(known) for atom in parse_variables(binding.value))
    return {key: value for key, value in values.items() if key not in environ}, notices
