"""What commands store in a project, whether or not a node runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from motia.outside import enqueue_from_outside
from motia.settings.load import load_settings

STEP = """
from motia import queue, step


@step(queue("payment.received", dedupe="order"))
async def book(order: str) -> None: ...
"""


def test_whose_message_came_before_gets_the_id_of_that_one(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "book_step.py").write_text(STEP)
    settings = load_settings(tmp_path).settings

    def send(order: str) -> bytes:
        message_id, queues, _ = asyncio.run(
            enqueue_from_outside(settings, "payment.received", {"order": order})
        )
        assert [queue.step for queue in queues] == ["book"]
        return message_id

    first = send("1")
    assert send("1") == first
    assert send("2") != first
