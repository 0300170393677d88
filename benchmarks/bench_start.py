"""Start: first 200 with 10 and 1,000 steps, save → new behaviour in Python and TypeScript, an idle node."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import Effort, Row, median
from processes import Server, free_port, motia_command, motia_serving, serving

_STEP = """\
from motia import http, step


@step(http("GET", "/step-{number}"))
async def step_{number}() -> dict[str, str]:
    return {{"answer": "{answer}"}}
"""
_TYPESCRIPT = """\
export const config = {{ name: 'S{number}', type: 'api', method: 'GET', path: '/step-{number}', emits: [] }}

interface Answer {{
  answer: string
}}

export const handler = async (): Promise<{{ status: number; body: Answer }}> => ({{
  status: 200,
  body: {{ answer: '{answer}' }},
}})
"""
_LANGUAGES = {
    "python": ("number_{number}_step.py", _STEP),
    "typescript": ("number_{number}.step.ts", _TYPESCRIPT),
}
_SAVES = 10
_SETTLE_S = 2.0


def run(effort: Effort) -> list[Row]:
    starts = max(1, effort.rounds - 2)
    few = median(_first_answer_s(effort.count(10, least=10)) for _ in range(effort.rounds))
    many_steps = effort.count(1_000, least=20) if effort.factor < 0.1 else 1_000
    many = median(_first_answer_s(many_steps) for _ in range(starts))
    count = min(_SAVES, effort.count(50, least=1))
    saves = median(_reloads_s(count)) * 1e3
    saves_of_typescript = (
        [
            Row(
                "save → new behaviour p50, 10 steps of TypeScript",
                median(_reloads_s(count, "typescript")) * 1e3,
                "ms",
                None,
                "",
                "at most",
                250.0,
                by="ours",
            )
        ]
        if shutil.which("node")
        else []
    )
    return [
        Row("first 200, 10 steps", few, "s", None, "", "at most", 1.0, by="ours"),
        Row(f"first 200, {many_steps:,} steps", many, "s", None, "", "at most", 2.5, by="ours"),
        Row("save → new behaviour p50, 10 steps", saves, "ms", None, "", "at most", 150.0, by="ours"),
        *saves_of_typescript,
        Row("idle node", _idle_mb(), "MB RSS", None, "", "at most", 90.0, by="ours"),
    ]


@contextmanager
def _project(steps: int, language: str = "python") -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="motia-bench-") as folder:
        project = Path(folder)
        (project / "steps").mkdir()
        for number in range(steps):
            _write(project, number, "first", language)
        yield project


def _write(project: Path, number: int, answer: str, language: str) -> None:
    name, text = _LANGUAGES[language]
    file = project / "steps" / name.format(number=number)
    file.write_text(text.format(number=number, answer=answer))


def _first_answer_s(steps: int) -> float:
    """From the start of the command to the first 200 of its last step."""
    with _project(steps) as project:
        port = free_port()
        started_s = time.perf_counter()
        with serving(motia_command(project, port), port=port, first=f"/step-{steps - 1}"):
            return time.perf_counter() - started_s


def _reloads_s(saves: int, language: str = "python") -> list[float]:
    with _project(10, language) as project:
        port = free_port()
        command = motia_command(project, port, mode="dev")
        with serving(command, port=port, first="/step-3") as server:
            time.sleep(_SETTLE_S)  # the spare that takes over at the first save is made meanwhile
            return [_reload_s(server, project, f"answer-{number}", language) for number in range(saves)]


def _reload_s(server: Server, project: Path, answer: str, language: str) -> float:
    _write(project, 3, answer, language)
    took_s = server.wait_for("/step-3", holding=answer.encode())
    time.sleep(_SETTLE_S)  # people save some time after the last save: the next spare is ready by then
    return took_s


def _idle_mb() -> float:
    with _project(10) as project, motia_serving(project, first="/step-0") as server:
        time.sleep(_SETTLE_S)  # what the first request left behind is freed
        return server.largest_rss_bytes() / 1e6
