"""The documentation as data: its pages, their snippets and the marks before them.

A mark is an HTML comment on the lines just before a snippet:

    <!-- run: POST /orders {"sku": "tea"} -> 201 {"sku": "tea"} -->    a request, its status, part of its body
    <!-- run: emit order.created {"id": "1"} -> completed -->          a message; or `-> dead`
    <!-- run: cron daily_report -->                                    a tick now
    <!-- file: steps/create_order_step.py -->                          a file of the one project of its page
    <!-- fragment -->                                                  only compiled
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\s*$")
_MARK = re.compile(r"^<!-- (.+) -->$")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file of its page's project that it is."""
        return next((mark.removeprefix("file: ") for mark in self.marks if mark.startswith("file: ")), None)

    @property
    def runs(self) -> tuple[str, ...]:
        """What to do with the project when it serves."""
        return tuple(mark.removeprefix("run: ") for mark in self.marks if mark.startswith("run: "))


@cache
def pages() -> tuple[Path, ...]:
    """All pages: the documents of the root, and everything below `docs/`."""
    return (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))


def snippets(language: str | None = None) -> list[Snippet]:
    """The snippets of all pages, or those of one language."""
    found = [snippet for page in pages() for snippet in snippets_of(page)]
    return [snippet for snippet in found if language in (None, snippet.language)]


@cache
def snippets_of(page: Path) -> list[Snippet]:
    """The snippets of one page, with the marks before each."""
    found: list[Snippet] = []
    marks: list[str] = []
    open_at: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if open_at is not None:
            if line == "```":
                text = "\n".join([*lines, ""])
                found.append(Snippet(page, open_at[0], open_at[1], text, tuple(marks)))
                open_at, marks, lines = None, [], []
            else:
                lines.append(line)
        elif fence is not None:
            open_at = (number + 1, fence[1])
        elif mark := _MARK.match(line):
            marks.append(mark[1])
        elif line.strip():
            marks = []
    assert open_at is None, f"{page}: a fence that is never closed"
    return found


@cache
def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    inside, found = False, set()
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        if not inside and line.startswith("#"):
            text = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found
