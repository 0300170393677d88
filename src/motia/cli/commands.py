"""The command line itself: the commands, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli import (
    call,
    config,
    create,
    cron,
    db,
    dev,
    doctor,
    emit,
    generate,
    logs,
    queue,
    start,
    state,
    steps,
    traces,
    trigger,
    version,
)
from motia.cli.output import exit_code_of, print_error, silence_broken_pipe
from motia.errors import MotiaError

if TYPE_CHECKING:
    from motia.supervisor.spawn import Spawned

app = typer.Typer(
    name="motia",
    help="Backends out of Steps: HTTP, durable queues, cron and state in one command.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(dev.dev)
app.command()(start.start)
app.command()(create.create)
app.command()(steps.steps)
app.command()(emit.emit)
app.command()(trigger.trigger)
app.command()(call.call)
app.add_typer(state.app, name="state")
app.add_typer(queue.app, name="queue")
app.add_typer(cron.app, name="cron")
app.command()(traces.traces)
app.command()(logs.logs)
app.command()(doctor.doctor)
app.add_typer(db.app, name="db")
app.add_typer(config.app, name="config")
app.add_typer(generate.app, name="generate")
app.command()(version.version)


def _print_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback()
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
    try:
        result = app(
            args=list(arguments) or ["--help"], prog_name="motia", standalone_mode=False, obj=spawned
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
    sys.stderr.write(f"error: {text}\n")
    context = getattr(error, "ctx", None)
    if context is not None:
        sys.stderr.write(f"  hint: {context.command_path} --help\n")
    code = getattr(error, "exit_code", 2)
    return code if isinstance(code, int) else 2
