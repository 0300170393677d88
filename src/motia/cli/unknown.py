"""Tells of a topic or a step that was asked for and is none of the project's: misspelt, it finds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia.cli.output import note
from motia.cli.project import discover

if TYPE_CHECKING:
    from motia.settings.model import Settings


def note_unknown(settings: Settings, *, topic: str | None = None, step: str | None = None) -> None:
    """A note for each of the two that no step of the project has. Loads the project if one is given."""
    from motia.engine.enqueue import nearest_known

    if topic is None and step is None:
        return
    try:
        registry = discover(settings).registry
    except Exception as error:  # whatever it is: the command itself has done its work
        note(f"the project does not load, so the names were not looked at: {error}")
        return
    for what, name, known in (
        (f"topic {topic!r}: expected one that a step subscribes to", topic, registry.subscribers),
        (f"step {step!r}: expected a step of this project", step, registry.steps),
    ):
        if name is not None and name not in known:
            note(f"{what}, got none of that name{nearest_known(name, known, registry)}")
