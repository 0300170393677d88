"""`motia cron …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import print_json, print_line, print_table, time_text
from motia.cli.project import discover, load_project

app = typer.Typer(help="Look at schedules and run them by hand.")


@app.command("list")
def list_(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """List the schedules and their next ticks."""
    from motia.core.clock import SystemClock
    from motia.cron.expression import parse

    settings = load_project(directory).settings
    now_ms = SystemClock().now_ms()
    rows: list[dict[str, Any]] = []
    for step, _index, trigger in discover(settings).registry.cron_triggers:
        timezone = trigger.timezone or settings.timezone
        rows.append(
            {
                "step": step.name,
                "expression": trigger.expression,
                "timezone": timezone,
                "next_at_ms": parse(trigger.expression, timezone).next_after(now_ms),
                "missed": trigger.missed,
                "overlap": trigger.overlap,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("STEP", "EXPRESSION", "TIMEZONE", "NEXT", "MISSED", "OVERLAP"),
        (
            (
                row["step"],
                row["expression"],
                row["timezone"],
                time_text(row["next_at_ms"]),
                row["missed"],
                row["overlap"],
            )
            for row in rows
        ),
    )


@app.command("run")
def run(
    step: Annotated[str, typer.Argument(help="Id of the step.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Fire a schedule now, on the running node."""
    from motia.cli.control import post_to_node

    result = post_to_node(load_project(directory).settings, "/cron/run", {"id": step}, timeout_s=30.0)
    if as_json:
        print_json(result)
    else:
        print_line(f"{step}: fired")
