"""What a run already knows: which name a durable call gets, and what its journal says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from motia import encoding
from motia.core.workflow import UNDO_MARKER, JournalEntry
from motia.errors import WorkflowError

MAX_ENTRIES = 10_000
HELD_MARKER = "$held"
"""The entry that says: the code changed under this run, which waits for the code it began with. Its error is
what changed, its value the names of the entries that the other code made."""


class Replay:
    """The journal of one run beside the execution that walks through it.

    Names are the handler's own. One that comes again after the first has ended becomes `name#2`, `name#3`;
    two at once need keys, because nothing would say which is which the next time.
    """

    def __init__(self, entries: Iterable[JournalEntry] = ()) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._read = frozenset(self._entries)
        """What was there before this execution."""
        self._counts: dict[str, int] = {}
        self._active: set[str] = set()
        self._met: set[str] = set()

    def enter(self, name: str, *, kind: str, version: int = 1, key: str | None = None) -> str:
        """The unique name of a durable call that begins.

        Failure: `WorkflowError` `workflow.name_in_use`, `workflow.changed`, `workflow.journal_full`.
        """
        if name.startswith("$") or "#" in name:
            raise WorkflowError(
                f"workflow step {name!r}: expected a name without '#' that does not begin with '$'",
                code="workflow.bad_name",
                retryable=False,
            )
        base = name if key is None else f"{name}[{key}]"
        if base in self._active:
            raise WorkflowError(
                f"workflow step {base!r}: expected one of this name at a time, got a second beside it",
                code="workflow.name_in_use",
                hint="give each a key: ctx.step(name, fn, key=…)",
                retryable=False,
            )
        count = self._counts[base] = self._counts.get(base, 0) + 1
        unique = base if count == 1 else f"{base}#{count}"
        entry = self._entries.get(unique)
        if entry is None and len(self._entries) >= MAX_ENTRIES:
            raise WorkflowError(
                f"workflow: expected at most {MAX_ENTRIES} entries in a run, got more",
                code="workflow.journal_full",
                hint="hand the rest to a new message: a run is one order, not the shop",
                retryable=False,
            )
        if entry is not None and (entry.kind, entry.version) != (kind, version):
            raise changed(unique, f"{entry.kind} version {entry.version}", f"{kind} version {version}")
        self._active.add(base)
        self._met.add(unique)
        return unique

    def leave(self, unique: str) -> None:
        """The durable call has ended, or the handler has left it."""
        self._active.discard(unique.partition("#")[0])

    def recorded(self, unique: str) -> JournalEntry | None:
        return self._entries.get(unique)

    def note(self, entry: JournalEntry) -> None:
        """An entry was written."""
        self._entries[entry.name] = entry

    @property
    def undoing(self) -> JournalEntry | None:
        """The marker of a run that is being undone."""
        return self._entries.get(UNDO_MARKER)

    @property
    def held(self) -> JournalEntry | None:
        """The marker of a run that waits for the code it began with."""
        marker = self._entries.get(HELD_MARKER)
        return None if marker is None or marker.status == "done" else marker

    def made_by_other_code(self) -> list[str]:
        """Entries that the run's own code need not come by: those of executions that were held, and of this
        one if it is."""
        marker = self._entries.get(HELD_MARKER)
        before = [] if marker is None or marker.value is None else encoding.decode(marker.value)
        return [*before, *(name for name in self._entries if name not in self._read and name[0] != "$")]

    def unmet(self) -> list[str]:
        """Steps that were done and that the handler has not come by."""
        done = [entry for entry in self._entries.values() if entry.kind == "step" and entry.status == "done"]
        unmet = [entry.name for entry in done if entry.name not in self._met]
        others = self.made_by_other_code() if unmet else ()
        return [name for name in unmet if name not in others]

    def check_all_met(self) -> None:
        """The handler has come to its end: every recorded step must have been on its way.

        Failure: `WorkflowError` `workflow.changed` naming the first that was not.
        """
        unmet = [entry for name, entry in self._entries.items() if name not in self._met]
        others = None
        for entry in unmet:
            if entry.kind in ("marker", "undo"):
                continue
            if others is None:
                others = self.made_by_other_code()
            if entry.name not in others:
                raise changed(entry.name, f"{entry.kind} {entry.status}", "a handler that ends without it")


def changed(name: str, old: str, new: str) -> WorkflowError:
    """The code of a handler changed under a run that had begun with the old one."""
    return WorkflowError(
        f"workflow step {name!r}: expected the code this run began with ({old}), got {new}",
        code="workflow.changed",
        hint="the run is held: it goes on with the code that it began with, or is retried from that step",
        details={"step": name, "old": old, "new": new},
        retryable=False,
    )
