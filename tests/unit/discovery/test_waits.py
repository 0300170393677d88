"""Which events files wait for, as far as their text says it: in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from motia.discovery.finder import Candidate
from motia.discovery.waits import waits_of


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        (
            "python",
            'x = await ctx.wait_for("paid", match={"order": o, "a.b": 1})',
            {"paid": (("a.b", "order"),)},
        ),
        ("python", 'x = await ctx.wait_for("paid", timeout="2d")', {"paid": ((),)}),
        (
            "typescript",
            "await ctx.waitFor('paid', { match: { order: o, 'a.b': 1 } })",
            {"paid": (("a.b", "order"),)},
        ),
        ("typescript", "const p = waitFor('paid', {\n  match: { order },\n})", {"paid": (("order",),)}),
        ("typescript", "await ctx.waitFor<{ ok: boolean; at: string }>('paid')", {"paid": ((),)}),
        ("typescript", "await ctx.waitFor<Array<Paid>>('paid', { match: { id } })", {"paid": (("id",),)}),
        (
            "typescript",
            "await waitFor('paid', { timeout: '2d', match: { order: o } })",
            {"paid": (("order",),)},
        ),
        ("typescript", "await waitFor('paid', options)\nother({ match: { order: o } })", {"paid": ((),)}),
        ("typescript", "await waitFor(`${topic}`)", {}),
        ("javascript", "await unawaitFor('paid')", {}),
        ("ruby", 'context.wait_for("paid", match: { order: id }, timeout: "2d")', {"paid": (("order",),)}),
        ("ruby", 'context.wait_for "paid", timeout: "2d", match: { order: id }', {"paid": (("order",),)}),
        ("ruby", 'context.wait_for("paid", match: { "order" => id })', {"paid": (("order",),)}),
        ("ruby", 'context.wait_for "paid"', {"paid": ((),)}),
        (
            "go",
            'ctx.WaitFor("paid", motia.WaitOptions{\n\tMatch: map[string]any{"order": id}, Timeout: t,\n})',
            {"paid": (("order",),)},
        ),
        (
            "go",
            'ctx.WaitFor("paid", motia.WaitOptions{Timeout: t, Match: map[string]any{"order": id}})',
            {"paid": (("order",),)},
        ),
        ("go", 'ctx.WaitForSignal("paid")', {}),
    ],
)
def test_topics_and_fields(
    tmp_path: Path, language: str, text: str, found: dict[str, tuple[tuple[str, ...], ...]]
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert waits_of([Candidate("file", path, language, "step")]) == found
