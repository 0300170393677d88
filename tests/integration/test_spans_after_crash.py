"""R13: every execution of a claimed message has one closed span, also one whose process died."""

from __future__ import annotations

from real_process import Project, eventually, run

from motia.backends.sqlite.tracing_reads import SqliteTraceStore
from motia.tracing.store import Trace, TraceQuery

DEADLY = """
import os, signal
config = {"name": "deadly", "triggers": [queue("deadly")]}
async def handler(data, ctx):
    ctx.logger.warning("about to die")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_message_that_kills_its_process_leaves_closed_spans(real_project: Project) -> None:
    real_project.step("deadly", DEADLY)
    real_project.file("motia.toml", "[queue]\nmax_crashes = 2\n")

    async def main() -> None:
        assert real_project.command("emit", "deadly", "{}").returncode == 0
        with real_project.running("start") as running:

            async def dead() -> bool | None:
                _, letters = await real_project.left()
                return True if letters else None

            await eventually(dead, 30, lambda: running.text)
            await running.ready()
            assert await running.stop() == 0
            assert running.text.count("1 of which had been running") == 2
            assert running.text.count("attempt 2 failed, the message is dead-lettered") == 1
        trace = await _trace(real_project)
        executions = [span for span in trace.spans if span.name == "deadly"]
        assert [(span.attempt, span.status) for span in executions] == [(1, "crashed"), (2, "crashed")]
        assert len({span.span_id for span in executions}) == 2
        assert (trace.summary.status, trace.summary.failures) == ("crashed", 2)
        verdicts = [(span.attributes or {})["verdict"] for span in executions]
        assert verdicts == ["crashed", "dead"]

    run(main)


async def _trace(project: Project) -> Trace:
    """The one trace of the project's file."""
    store = SqliteTraceStore(project.folder / ".motia" / "trace.db")
    try:
        (summary,) = await store.traces(TraceQuery(step="deadly"))
        trace = await store.trace(summary.trace_id)
        assert trace is not None
        return trace
    finally:
        await store.aclose()
