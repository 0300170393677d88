"""`motia state` changes state as a step does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_change_of_state_runs_the_triggers_that_watch_the_key(
    motia: Callable[..., Any], project: Path
) -> None:
    (project / "steps").mkdir()
    (project / "steps" / "watch_step.py").write_text(
        'from motia import state\nconfig = {"name": "Watch", "triggers": [state(scope="users")]}\n'
        "async def handler(input, ctx):\n    pass\n"
    )

    def waiting() -> int:
        return sum(row["ready"] for row in motia("queue", "list", "--json").json)

    motia("state", "set", "orders", "1", "1")
    assert waiting() == 0
    ran = motia("state", "set", "users", "42", "1")
    assert (ran.code, ran.err) == (0, "")
    assert waiting() == 1
    assert motia("state", "delete", "users", "42").code == 0
    assert waiting() == 2
    motia("state", "delete", "users", "42")
    assert waiting() == 2, "a key that was not there has not changed"
    (project / "steps" / "broken_step.py").write_text("this is not Python")
    ran = motia("state", "set", "users", "42", "1")
    assert (ran.code, ran.out) == (0, "")
    assert "broken steps have no state triggers" in ran.err
    assert waiting() == 3
