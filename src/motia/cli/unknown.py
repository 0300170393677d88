"""Tells of a topic or a step that was asked for and is none of the project's: misspelt, it finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from motia.cli.output import note
from motia.cli.project import discover
from motia.core.wording import counted

if TYPE_CHECKING:
    from motia.core.message import QueueDepth
    from motia.core.registry import Registry
    from motia.settings.model import Settings


def note_unknown(settings: Settings, *, topic: str | None = None, step: str | None = None) -> None:
    """A note for each of the two that no step of the project has. Loads the project if one is given."""
    from motia.engine.enqueue import nearest_known

    if topic is None and step is None:
        return
    registry = _registry(settings)
    if registry is None:
        return
    for what, name, known in (
        (f"topic {topic!r}: expected one that a step subscribes to", topic, registry.subscribers),
        (f"step {step!r}: expected a step of this project", step, registry.steps),
    ):
        if name is not None and name not in known:
            note(f"{what}, got none of that name{nearest_known(name, known, registry)}")


def note_orphans(settings: Settings, depths: Sequence[QueueDepth]) -> None:
    """A note for each queue whose messages wait for a step that is none of the project's, which is loaded."""
    registry = _registry(settings)
    if registry is None:
        return
    for one in depths:
        waiting = one.ready + one.scheduled + one.blocked + one.limited
        if waiting and one.queue not in registry.queues:
            note(
                f"{counted(waiting, 'message')} of {one.queue.topic or '-'} → {one.queue.step}:"
                " no step of this project takes them any more; they wait until it, or its old name, is back"
            )


def _registry(settings: Settings) -> Registry | None:
    try:
        registry: Registry = discover(settings).registry
    except Exception as error:  # whatever it is: the command itself has done its work
        note(f"the project does not load, so the names were not looked at: {error}")
        return None
    return registry
