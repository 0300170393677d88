"""`motia steps`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import EXIT_FAILED, note, print_error, print_json, print_table, time_text
from motia.cli.project import discover, load_project

if TYPE_CHECKING:
    from motia.core.step import Step
    from motia.core.trigger import Trigger


def steps(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """List the steps of the project and everything that is wrong with them."""
    settings = load_project(directory).settings
    discovered = discover(settings)
    found = sorted(discovered.registry.steps.values(), key=lambda step: (step.source.path, step.source.line))
    if as_json:
        print_json(
            {
                "steps": [_step_document(step) for step in found],
                "problems": [problem_document(problem) for problem in discovered.problems],
                "notices": [notice_document(notice) for notice in discovered.notices],
            }
        )
    else:
        print_table(
            ("STEP", "TRIGGERS", "ENQUEUES", "SOURCE"),
            (
                (
                    step.name,
                    ", ".join(describe_trigger(trigger) for trigger in step.triggers) or "-",
                    ", ".join(emission.topic for emission in step.emissions) or "-",
                    step.source,
                )
                for step in found
            ),
        )
        for problem in discovered.problems:
            print_error(problem)
        for notice in discovered.notices:
            note(
                f"{notice.path}:{notice.line}: {notice.message}"
                + (f" ({notice.hint})" if notice.hint else "")
            )
    if discovered.problems:
        raise typer.Exit(EXIT_FAILED)
    if not found:
        note(f"{settings.project_dir}: no steps found; put one into steps/, named like hello_step.py")


def describe_trigger(trigger: Trigger) -> str:
    """A trigger in a few words: `POST /orders`, `queue order.created`."""
    match trigger.kind:
        case "http":
            return f"{trigger.method} {trigger.path}"
        case "queue":
            return f"queue {trigger.topic}"
        case "cron":
            return f"cron {trigger.expression}" + (f" {trigger.timezone}" if trigger.timezone else "")
        case "state":
            return f"state {trigger.scope or '*'}/{trigger.key or '*'}"
        case "stream":
            return f"stream {trigger.stream}"
        case "at":
            return f"at {time_text(trigger.at_ms, 'UTC')} UTC"


def _step_document(step: Step) -> Mapping[str, Any]:
    return {
        "name": step.name,
        "description": step.description,
        "language": step.source.language,
        "path": step.source.path,
        "line": step.source.line,
        "flows": step.flows,
        "enqueues": [emission.topic for emission in step.emissions],
        "triggers": [
            {"kind": trigger.kind, "description": describe_trigger(trigger)} for trigger in step.triggers
        ],
    }


def problem_document(problem: Any) -> Mapping[str, Any]:
    """A `DefinitionError` as JSON."""
    return {"code": problem.code, **notice_document(problem)}


def notice_document(notice: Any) -> Mapping[str, Any]:
    """A notice of discovery as JSON."""
    return {"path": notice.path, "line": notice.line, "message": notice.message, "hint": notice.hint}
