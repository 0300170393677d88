"""P4: the generation before: CommonJS, Zod 3, steps/ instead of src/."""

from __future__ import annotations

from exercises.pets import pets_lines

LINES = pets_lines(("js", "py"))
