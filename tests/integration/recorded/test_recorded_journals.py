"""Runs that a release left under way come to their end with this code, and do nothing twice."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from journals import TOPICS, later, restore, running, until

from motia import encoding
from motia.core.batch import Batch
from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id

_RECORDED = sorted(Path(__file__).parent.glob("journals-*.sql"))
_OUTPUTS = {
    "sleeps": ["FIRST", "SECOND", "AGAIN"],
    "signalled": ["BEFORE", {"by": "ada"}],
    "waits": {"order": 7, "amount": 9},
    "calls": [["FIRST", "SECOND", "AGAIN"], "AFTER"],
    "pairs": ["X", "Y", "Z"],
    "retries": "SHAKY",
}
_DONE = ["after", "again", "again", "second", "second", "shaky", "undo CHARGE", "undo RESERVE", "z"]


@pytest.mark.parametrize("file", _RECORDED, ids=lambda file: file.stem)
def test_runs_of_a_release_go_on(file: Path, tmp_path: Path) -> None:
    restore(file.read_text(), tmp_path)

    async def scenario() -> None:
        clock = later()
        async with running(tmp_path, clock) as app:
            engine, store = app.engine, app.backend.workflow
            assert engine is not None
            (signalled,) = await store.runs(step="signalled")
            signal = engine.signal_post(format_id(signalled.id.message_id), "go", {"by": "ada"})
            await app.backend.commit(Batch((signal,)))
            await engine.enqueue(EnqueueRequest({"order": 7, "amount": 9}, topic="paid"))

            async def all_ended() -> bool:
                return all(run.ended_at_ms is not None for run in await store.runs())

            await until(clock, all_ended)
            runs = await store.runs()
            assert len(runs) == len(TOPICS) + 1
            for run in runs:
                if run.id.step == "undoes":
                    assert run.status == "failed"
                else:
                    assert run.status == "completed", (run.id.step, run.error)
                    assert encoding.decode(run.output or b"") == _OUTPUTS[run.id.step]
            assert app.discovered is not None
            handler = app.discovered.registry.steps["sleeps"].handler
            functions = app.runtimes["python"]._loader.functions  # type: ignore[attr-defined]
            assert sorted(functions[handler].__globals__["done"]) == _DONE

    asyncio.run(scenario())


def test_a_release_is_recorded() -> None:
    assert _RECORDED
