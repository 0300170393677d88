"""What commands print: one JSON document or readable tables on stdout, notes and errors on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer

from motia.errors import DefinitionError, InputError, MotiaError, SettingsError

EXIT_FAILED = 1
EXIT_USAGE = 2
# Wide enough that a table that goes into a pipe or a file is never wrapped or cut.
_PIPE_COLUMNS = 100_000


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    from motia.encoding import encode

    sys.stdout.write(encode(value).decode() + "\n")


def print_line(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Aligned columns; control characters of the data are shown, not obeyed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    is_terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, markup=False, highlight=False, width=None if is_terminal else _PIPE_COLUMNS
    )
    with console.capture() as capture:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def print_list(
    documents: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str | Callable[[Mapping[str, Any]], Any]],
    *,
    as_json: bool,
) -> None:
    """The documents as JSON, or as a table: a column shows a field, or what a function makes of all.

    A field whose name ends in `_ms` is shown as local time; nothing as `-`.
    """

    def cell(document: Mapping[str, Any], column: str | Callable[[Mapping[str, Any]], Any]) -> Any:
        value = column(document) if callable(column) else document[column]
        if isinstance(column, str) and column.endswith("_ms"):
            return time_text(value)
        return "-" if value in (None, "") else value

    if as_json:
        print_json(documents)
        return
    print_table(
        tuple(columns), ([cell(document, column) for column in columns.values()] for document in documents)
    )


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, the values aligned."""
    lines = list(pairs)
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        print_line(f"{name:<{width}}  {visible(value)}")


def visible(value: Any) -> str:
    """`value` as one printable line; nothing is an empty text."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def time_text(at_ms: float | None, timezone: str | None = None) -> str:
    """A moment in a time zone, None = that of this machine; `-` for none."""
    if at_ms is None:
        return "-"
    zone = None if timezone is None else ZoneInfo(timezone)
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def note(text: str) -> None:
    """A remark on stderr."""
    sys.stderr.write(f"note: {text}\n")


def fail_if_none(count: int, ids: Sequence[str] | None, expected: str, hint: str) -> None:
    """End with the exit code of a failure where none of the ids that were given was what it should be."""
    if ids and not count:
        note(f"expected {expected}, got none of {', '.join(ids[:3])}{' …' if len(ids) > 3 else ''}: {hint}")
        raise typer.Exit(EXIT_FAILED)


def note_limit(count: int, limit: int) -> None:
    """Say that a list may have been cut, where it is as long as it could be."""
    if count == limit:
        note(f"only {limit} shown: --limit {limit * 10} shows more")


def print_error(error: MotiaError) -> None:
    """One clear line on stderr for each thing that is wrong, then how to fix it."""
    where = f"{error.path}:{error.line}: " if isinstance(error, DefinitionError) else ""
    for line in error.message.splitlines():
        sys.stderr.write(f"error: {where}{line}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {error.hint}\n")


def exit_code_of(error: MotiaError) -> int:
    """2 where the command line or the settings are wrong, 1 for everything else."""
    return EXIT_USAGE if isinstance(error, SettingsError | InputError) else EXIT_FAILED


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON argument; `-` reads it from stdin."""
    from motia.encoding import decode

    try:
        return decode(sys.stdin.read() if text == "-" else text)
    except InputError as error:
        raise InputError(
            f"{what}: {error.message}",
            code=error.code,
            hint=error.hint
            or "quote it for your shell, as in '{\"id\": 1}'; a text needs its own quotes: '\"text\"'",
        ) from error


@contextmanager
def writing() -> Iterator[None]:
    """A file that a person asked for and that cannot be written is their error, told in one line."""
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{error.filename}: expected a file that can be written, got: {error.strerror}",
            code="cli.not_written",
        ) from error


def confirm(question: str, *, yes: bool) -> None:
    """Return when the person agrees. Without a terminal nobody can, so `--yes` must be given."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError(f"{question} expected --yes, got no terminal to ask on", code="cli.not_confirmed")
    typer.confirm(question, abort=True, err=True)


def silence_broken_pipe() -> None:
    """Let the interpreter end quietly after the reader of our output has gone (`motia logs | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
