"""The known settings by their dotted names, and what to say about a name that is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from motia.core.spelling import nearest
from motia.settings.model import Settings

Kind = Literal["section", "setting", "secret"]

_NOT_SETTABLE = {"mode", "project_dir"}


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it was given."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: "where: expected X, got Y" and how to fix it."""

    text: str
    hint: str = ""


@dataclass(slots=True)
class Layer:
    """What one source gives, by dotted name, and what is wrong or notable in it."""

    values: dict[str, Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Kind]]:
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield prefix + name, "section"
            yield from _walk(annotation, f"{prefix}{name}.")
        elif prefix or name not in _NOT_SETTABLE:
            yield prefix + name, "setting" if info.repr else "secret"


_ALL = dict(_walk(Settings, ""))
NAMES: tuple[str, ...] = tuple(name for name, kind in _ALL.items() if kind != "section")
"""Every setting, dotted, in the order of the model."""
SECTIONS = frozenset(name for name, kind in _ALL.items() if kind == "section")
SECRETS = frozenset(name for name, kind in _ALL.items() if kind == "secret")
"""Those whose values are never shown: the model keeps them out of its `repr`, too."""


def flatten(table: Mapping[str, Any], *, origin: str) -> Layer:
    """The values of a nested table by dotted name; unknown names become problems."""
    layer = Layer()
    _flatten(table, "", origin, layer)
    return layer


def _flatten(table: Mapping[str, Any], prefix: str, origin: str, layer: Layer) -> None:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if name in SECTIONS:
            if isinstance(value, Mapping):
                _flatten(value, f"{name}.", origin, layer)
            else:
                layer.problems.append(
                    Problem(f"{origin}: {name}: expected a table of settings, got {value!r}")
                )
        elif name in _ALL:
            if value is not None:
                layer.values[name] = Given(value, origin)
        else:
            layer.problems.append(
                Problem(
                    f"{origin}: expected a known setting, got {name!r}",
                    _meant(name),
                )
            )


def _meant(name: str) -> str:
    """A hint. Of a table only its own settings are near, or one that has the name in another."""
    table, _, last = name.rpartition(".")
    near = [known for known in _ALL if known.rpartition(".")[0] == table or known.endswith(f".{last}")]
    listed = "`motia config show` lists every setting; what one queue does is said in the trigger of its step"
    by_last = {known.rpartition(".")[2]: known for known in near}
    close = nearest(last, by_last)
    return f"did you mean {by_last[close]!r}?" if close else listed


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names back into nested tables."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        table = result
        for section in sections:
            table = table.setdefault(section, {})
        table[last] = value
    return result
