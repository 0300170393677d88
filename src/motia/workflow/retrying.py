"""What a run forgets that begins again: the part of its journal that is done anew. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from motia import encoding
from motia.core.workflow import HELD_MARKER, JournalEntry
from motia.errors import InputError


@dataclass(frozen=True, slots=True)
class Anew:
    """What of a journal is done anew."""

    gone: frozenset[str]
    """Names of the entries that are forgotten."""
    undone: frozenset[str]
    """Names of those that keep their place and are done again: their effect is gone."""


def done_anew(entries: Sequence[JournalEntry], since: str | None) -> Anew:
    """What a run does anew that goes on from `since`; None = from the step whose code changed, if it is held
    or was when it ended, else from its last failure.

    Forgotten is what came to be from there on, what it was still waiting for, and what other code than its
    own has made. The rest stays and is not done again, but for what was undone.

    Failure: `InputError` `run.unknown_entry` where there is no entry `since`.
    """
    own = [entry for entry in entries if entry.kind not in ("marker", "undo")]
    names = [entry.name for entry in own]
    cut = len(own)
    if since is None:
        since = _changed_step(entries)
    if since is not None:
        if since not in names:
            raise InputError(
                f"retry from {since!r}: expected a name of the run's journal, got none of {', '.join(names)}",
                code="run.unknown_entry",
                status=404,
                details={"entries": names},
                hint="`motia runs show` lists them",
            )
        cut = names.index(since)
    else:
        failures = [index for index, entry in enumerate(own) if entry.status == "failed"]
        cut = failures[-1] if failures else cut
    undone = {
        entry.name.removeprefix("undo ")
        for entry in entries
        if entry.kind == "undo" and entry.status == "done"
    }
    made_by_others = {
        name
        for entry in entries
        if entry.name == HELD_MARKER and entry.value is not None
        for name in encoding.decode(entry.value)
    }
    stays = {
        entry.name
        for entry in own[:cut]
        if (entry.kind == "sleep" or entry.status in ("done", "failed")) and entry.name not in made_by_others
    }
    gone = frozenset(entry.name for entry in entries if entry.name not in stays)
    return Anew(gone, frozenset(undone & stays))


def _changed_step(entries: Sequence[JournalEntry]) -> str | None:
    held = next((entry for entry in entries if entry.name == HELD_MARKER), None)
    if held is None or held.status != "waiting" or held.error is None:
        return None
    step: str = encoding.decode(held.error)["details"]["step"]
    return step


def to_do_again(entry: JournalEntry) -> JournalEntry:
    """The entry of a step that was undone, as that of one that has yet to succeed."""
    return replace(entry, status="retrying", value=None, error=None, attempts=0, due_at_ms=None)


def check_ended(step: str, *, known: bool, ended: bool) -> None:
    """Refuse to begin a run again that is none, or still goes on. One that is held counts as `ended`, unless
    it is held while it is undone.

    Failure: `InputError` `run.unknown` (404), `run.not_ended` (409).
    """
    if not known:
        raise InputError(f"retry: expected a run of step {step!r}, got none", code="run.unknown", status=404)
    if not ended:
        raise InputError(
            f"retry: expected a run of {step!r} that has ended, got one that still goes on",
            code="run.not_ended",
            status=409,
            hint="wait for its end, or `motia runs cancel` it first, with `--no-undo` if it is undone by now",
        )
