"""Reading one mapping of a config: every key in its canonical spelling, every wrong value a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from motia.core.spelling import did_you_mean
from motia.core.trigger import FunctionId, JsonSchema
from motia.discovery.notices import Notice
from motia.discovery.values import duration_s, shown, snake
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition


@dataclass(slots=True)
class Report:
    """Collects what is wrong with one definition, so that one run tells all of it."""

    definition: Definition
    name: str | None = None
    problems: list[DefinitionError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def problem(self, message: str, *, code: str = "step.bad_config", hint: str | None = None) -> None:
        self.problems.append(
            DefinitionError(
                message,
                code=code,
                path=self.definition.path,
                line=self.definition.line,
                step=self.name,
                hint=hint,
            )
        )

    def notice(self, message: str, hint: str = "") -> None:
        notice = Notice(self.definition.path, self.definition.line, message, hint)
        if notice not in self.notices:
            self.notices.append(notice)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and where it was written, `config.triggers[0].maxRetries`."""

    where: str
    value: Any


class Section:
    """The entries of one mapping by canonical key. Absent and null mean the same."""

    def __init__(self, entries: dict[str, Entry], where: str, report: Report) -> None:
        self.entries = entries
        self.where = where
        self.report = report

    def over(self, below: Mapping[str, Entry]) -> Section:
        """This section, with what it does not say itself taken from `below`."""
        return Section({**below, **self.entries}, self.where, self.report)

    def value(self, key: str) -> Any:
        entry = self.entries.get(key)
        return None if entry is None else entry.value

    def at(self, key: str) -> str:
        """Where `key` stands, or would stand."""
        entry = self.entries.get(key)
        return f"{self.where}.{key}" if entry is None else entry.where

    def wrong(self, key: str, expected: str, *, code: str = "step.bad_config", hint: str = "") -> None:
        """Report that `key` has a value it may not have."""
        self.report.problem(
            f"{self.at(key)}: expected {expected}, got {shown(self.value(key))}", code=code, hint=hint or None
        )

    def text(self, key: str) -> str | None:
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, "a text that is not empty")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one. Repeats are dropped."""
        value = self.value(key)
        if value is None:
            return ()
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) and item for item in items):
            self.wrong(key, "a text that is not empty, or a list of such")
            return ()
        return tuple(dict.fromkeys(items))

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value = self.value(key)
        if value is None:
            return None
        if value not in choices:
            self.wrong(key, f"one of {', '.join(choices)}")
            return None
        return str(value)

    def seconds(self, key: str) -> float | None:
        value = self.value(key)
        if value is None:
            return None
        found_s = duration_s(value)
        if found_s is None:
            self.wrong(key, 'a duration: a number of seconds or a text such as "30s", "5m", "2h"')
        return found_s

    def integer(self, key: str, minimum: int) -> int | None:
        value = self.value(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            self.wrong(key, f"a whole number of at least {minimum}")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, bool):
            self.wrong(key, "true or false")
            return None
        return value

    def function(self, key: str) -> FunctionId | None:
        value = self.value(key)
        if value is None:
            return None
        handle = function_id(value)
        if handle is None:
            self.wrong(key, "a function")
        return handle

    def functions(self, key: str) -> tuple[FunctionId, ...]:
        value = self.value(key)
        if value is None:
            return ()
        items = value if isinstance(value, list | tuple) else [value]
        handles = [function_id(item) for item in items]
        if None in handles:
            self.wrong(key, "a list of functions")
            return ()
        return tuple(handle for handle in handles if handle is not None)

    def schema(self, key: str) -> JsonSchema | None:
        """The very object that the runtime made: it may carry its source with it."""
        value = self.value(key)
        if value is None or isinstance(value, Mapping):
            return value or None
        self.wrong(key, "a schema")
        return None


def function_id(value: Any) -> FunctionId | None:
    """The handle in `{"$function": handle}`; None for anything else."""
    if isinstance(value, Mapping) and isinstance(value.get("$function"), str):
        return str(value["$function"])
    return None


def read_section(
    raw: Mapping[str, Any],
    where: str,
    report: Report,
    *,
    aliases: Mapping[str, str],
    known: Iterable[str],
    accept: Callable[[str], bool] | None = None,
) -> Section:
    """Spell every key canonically; unknown ones become notices with the nearest known name.

    Of two spellings of one key the first counts and a notice names the other.
    """
    known = frozenset(known)
    entries: dict[str, Entry] = {}
    for written, value in raw.items():
        key = snake(str(written))
        key = aliases.get(key, key)
        if value is None or str(written).startswith("$"):
            continue
        if key not in known and (accept is None or not accept(key)):
            report.notice(
                f"{where}.{written}: unknown key, it has no effect",
                did_you_mean(key, known | aliases.keys(), "remove it, or look the key up in the reference"),
            )
        elif key in entries:
            report.notice(
                f"{where}.{written}: {entries[key].where} says the same thing and came first",
                "keep one of the two",
            )
        else:
            entries[key] = Entry(f"{where}.{written}", value)
    return Section(entries, where, report)
