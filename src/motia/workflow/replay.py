"""What a run already knows: which name a durable call gets, and what its journal says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from motia import encoding
from motia.core.workflow import HELD_MARKER, UNDO_MARKER, JournalEntry, is_open
from motia.errors import WorkflowError

MAX_ENTRIES = 10_000
UNORDERED_MARKER = "$unordered"
"""The entry that says: this run did several things at once, or passed a call that left no entry, so that the
next execution may come by its entries in another order."""


class Replay:
    """The journal of one run beside the execution that walks through it.

    Names are the handler's own. One that comes again after the first has ended becomes `name#2`, `name#3`;
    two at once need keys, because nothing would say which is which the next time. Unless a run is
    `unordered`, whatever it does anew comes after all that it has recorded: code that begins something else
    before that is not the code it began with, and does nothing.
    """

    def __init__(self, run_id: str, entries: Iterable[JournalEntry] = ()) -> None:
        self._run_id = run_id
        self._entries = {entry.name: entry for entry in entries}
        self._read = frozenset(self._entries)
        """What was there before this execution."""
        self._counts: dict[str, int] = {}
        self._active: dict[str, str] = {}
        """Base name → kind."""
        self.unordered = UNORDERED_MARKER in self._entries
        self._unmet = self._to_be_met()

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
            raise self._changed(unique, f"{entry.kind} version {entry.version}", f"{kind} version {version}")
        if self._active:
            self.unordered = True
        if entry is None:
            if self._unmet and kind != "sleep" and not self.unordered and self.undoing is None:
                # A short sleep leaves no entry: it alone may come anew between recorded ones.
                raise self._changed_before(f"{kind} {base!r}")
        else:
            self._unmet.pop(unique, None)
        self._active[base] = kind
        return unique

    def leave(self, unique: str) -> None:
        """The durable call has ended, or the handler has left it."""
        kind = self._active.pop(unique.partition("#")[0], None)
        if unique not in self._entries and kind != "sleep":
            self.unordered = True

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
        return [
            entry.name for entry in self._unmet.values() if (entry.kind, entry.status) == ("step", "done")
        ]

    def open_waits(self, now_ms: int) -> list[str]:
        """What the run has come to wait for and what is not over."""
        entries = self._entries.values()
        return [entry.name for entry in entries if entry.kind != "marker" and is_open(entry, now_ms)]

    def check_all_met(self) -> None:
        """The handler has come to its end: every recorded step must have been on its way.

        Failure: `WorkflowError` `workflow.changed` naming the first that was not.
        """
        if self._unmet:
            raise self._changed_before("the end of the handler")

    def _to_be_met(self) -> dict[str, JournalEntry]:
        """What was recorded and has to be come by, in order."""
        named = {name: entry for name, entry in self._entries.items() if entry.kind not in ("marker", "undo")}
        if HELD_MARKER in self._entries:
            for name in self.made_by_other_code():
                named.pop(name, None)
        return named

    def _changed_before(self, what: str) -> WorkflowError:
        entry = next(iter(self._unmet.values()))
        return self._changed(entry.name, f"{entry.kind} {entry.status}", f"{what} before it")

    def _changed(self, name: str, old: str, new: str) -> WorkflowError:
        """The code of the handler changed under a run that had begun with the old one."""
        error = WorkflowError(
            f"workflow step {name!r}: expected the code this run began with ({old}), got {new}",
            code="workflow.changed",
            hint=f"the run is held until that code is back; `motia runs retry {self._run_id}` lets it go on"
            " with this one, that step and all after it done anew",
            details={"step": name, "old": old, "new": new},
            retryable=False,
        )
        if self.undoing is not None:
            error.hint = (
                "the run is held until the code that can undo it is back;"
                f" `motia runs cancel {self._run_id} --no-undo` ends it where it stands"
            )
        return error
