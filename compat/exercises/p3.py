"""P3: one stream declared in three languages; steps that need a paid service fail softly."""

from __future__ import annotations

from exercises.pets import pets_lines

LINES = pets_lines(("ts", "js", "py"))
