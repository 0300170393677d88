"""The command line itself: the commands, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.output import exit_code_of, print_error, silence_broken_pipe
from motia.errors import MotiaError

if TYPE_CHECKING:
    from motia.supervisor.spawn import Spawned

COMMANDS = (
    *("dev", "start", "build", "create", "adopt", "steps", "emit", "trigger", "call", "state", "queue"),
    *("runs", "cron", "schedule", "why", "cancel", "traces"),
    *("logs", "doctor", "db", "config", "generate", "version"),
)
"""In the order of the help. A module of this package each: a function of that name, or `app` with several."""


_OLD_SPELLINGS = {"generate-types": ("generate", "types")}
"""Commands of the earlier framework that scripts of a project may still call."""


def command_line(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The parser of a command line of one of these commands. Only their modules are imported."""
    parser = typer.Typer(
        name="motia",
        help="Backends out of Steps: HTTP, durable queues, cron and state in one command.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    parser.callback()(_root)
    for name in names:
        module = import_module(f"motia.cli.{name}")
        if hasattr(module, "app"):
            parser.add_typer(module.app, name=name)
        else:
            parser.command()(getattr(module, name))
    return parser


def _print_version(wanted: bool) -> None:
    if wanted:
        from motia.cli.version import version

        version()
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str], *, spawned: Spawned | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted.

    `spawned` is a node that has begun already, for the commands that need one.
    """
    arguments = [*_OLD_SPELLINGS.get("".join(arguments[:1]), arguments[:1]), *arguments[1:]]
    known = [name for name in arguments[:1] if name in COMMANDS]
    try:
        result = command_line(known or COMMANDS)(
            args=arguments or ["--help"], prog_name="motia", standalone_mode=False, obj=spawned
        )
    except MotiaError as error:
        print_error(error)
        return exit_code_of(error)
    except typer.Abort:
        sys.stderr.write("aborted\n")
        return 130
    except typer.TyperException as error:
        return _print_usage_error(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        silence_broken_pipe()
        return 0
    # With standalone_mode off, `typer.Exit(code)` comes back as a value.
    return result if isinstance(result, int) else 0


def _print_usage_error(error: typer.TyperException) -> int:
    format_message = getattr(error, "format_message", None)
    text = format_message() if callable(format_message) else str(error)
    # The parser takes this over from what validates the values of options.
    text = text.replace("Value error, ", "")
    sys.stderr.write(f"error: {text}\n")
    context = getattr(error, "ctx", None)
    if context is not None:
        sys.stderr.write(f"  hint: {context.command_path} --help\n")
    code = getattr(error, "exit_code", 2)
    return code if isinstance(code, int) else 2
