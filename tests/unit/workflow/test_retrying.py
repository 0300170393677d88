"""Which part of its journal a run forgets when it begins again."""

from __future__ import annotations

import pytest

from motia.core.workflow import CANCELLED, UNDO_MARKER, JournalEntry
from motia.errors import InputError
from motia.workflow.replay import HELD_MARKER
from motia.workflow.retrying import done_anew, to_do_again


def entry(text: str) -> JournalEntry:
    """`kind name status`, of which the first and the last may be left out."""
    words = text.split(":")
    name, kind, status = (*words, "step", "done")[:3] if len(words) > 1 else (words[0], "step", "done")
    return JournalEntry(name=name, kind=kind, status=status, at_ms=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("journal", "since", "gone", "undone"),
    [
        ("a b c", "b", "b c", ""),
        ("a b c", "a", "a b c", ""),
        ("a b c", None, "", ""),
        ("a b:step:failed", None, "b", ""),
        # A failure that the handler had dealt with stays: the next attempt goes the same way.
        ("a b:step:failed c d:step:failed", None, "d", ""),
        ("a pause:sleep:waiting paid:wait:waiting", None, "paid", ""),
        ("a b:step:retrying c", None, "b", ""),
        ("paid:wait:failed b", None, "paid b", ""),
        # Undone is what has to be done again; where undoing failed the effect still stands.
        ("a b c:step:failed $undo:marker:done undo_b:undo:done undo_a:undo:failed", None,
         "c $undo undo_b undo_a", "b"),
        ("a b $undo:marker:done undo_b:undo:done", "b", "b $undo undo_b", ""),
        ("pause:sleep:waiting b c", "b", "b c", ""),
    ],
)  # fmt: skip
def test_it_goes_on_from_there_and_keeps_what_stands(
    journal: str, since: str | None, gone: str, undone: str
) -> None:
    anew = done_anew([entry(text.replace("_", " ")) for text in journal.split()], since)
    assert anew.gone == {name.replace("_", " ") for name in gone.split()}
    assert anew.undone == set(undone.split())


def test_what_was_undone_is_to_be_done_with_attempts_of_its_own() -> None:
    done = JournalEntry(name="a", kind="step", status="done", at_ms=5, value=b"1", attempts=3, version=2)
    again = to_do_again(done)
    assert (again.name, again.status, again.attempts, again.value, again.version) == (
        "a",
        "retrying",
        0,
        None,
        2,
    )


def test_what_other_code_made_is_forgotten() -> None:
    held = JournalEntry(name=HELD_MARKER, kind="marker", status="done", at_ms=0, value=b'["new"]')
    assert done_anew([entry("a"), held, entry("new")], None).gone == {HELD_MARKER, "new"}


@pytest.mark.parametrize("since", ["z", UNDO_MARKER, "undo a"])
def test_a_name_that_is_none_of_the_journal_is_told(since: str) -> None:
    marker = JournalEntry(name=UNDO_MARKER, kind="marker", status="done", at_ms=0, error=CANCELLED)
    with pytest.raises(InputError, match="got none of a, b") as refused:
        done_anew([entry("a"), entry("b"), marker, entry("undo a:undo:done")], since)
    assert refused.value.code == "run.unknown_entry"
