"""A project with agents for these tests, and scripted models that write down what they were asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from motia.testing import TestApp

LIMIT_S = 60.0

_HEAD = '''
import asyncio
import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.usage import RequestUsage

from motia import Context, WorkflowError, queue, step
from motia.agents import Agent, AgentError, Budget, BudgetExceededError, Price, Tool

LEDGER = Path(__file__).parents[1] / "ledger.jsonl"


def note(what, **fields):
    with LEDGER.open("a") as file:
        file.write(json.dumps({"what": what, **fields}) + "\\n")


def noted(what):
    lines = LEDGER.read_text().splitlines() if LEDGER.exists() else []
    return [entry for line in lines if (entry := json.loads(line))["what"] == what]


def returns(messages):
    """What tools have told the model so far: (name, outcome, content)."""
    parts = [part for message in messages for part in message.parts]
    return [
        (part.tool_name, part.outcome, part.content) for part in parts if part.part_kind == "tool-return"
    ]


def said(*parts, tokens=(10, 5)):
    used = RequestUsage(input_tokens=tokens[0], output_tokens=tokens[1])
    return ModelResponse(parts=list(parts), usage=used)


def call(name, arguments, id="c1"):
    return ToolCallPart(name, arguments, id)
'''


def write_project(folder: Path, text: str) -> Path:
    """A project with one file of steps; `text` comes after the helpers above."""
    (folder / "steps").mkdir(parents=True, exist_ok=True)
    (folder / "steps" / "agents_step.py").write_text(_HEAD + text, "utf-8")
    return folder


def ledger(folder: Path, what: str | None = None) -> list[dict[str, Any]]:
    """What the project's models and tools were asked, in order."""
    path = folder / "ledger.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [entry for entry in entries if what in (None, entry["what"])]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def answered(app: TestApp, step: str, data: Any = None) -> Any:
    """What a run of the step gave: `{"output"}` or `{"error"}`."""
    await app.trigger(step, data)
    await app.until_idle(LIMIT_S)
    return await outcome(app, step)


async def outcome(app: TestApp, step: str) -> Any:
    """How the latest run of the step ended."""
    (latest, *_) = await app.app.engine.backend.workflow.runs(step=step)  # type: ignore[union-attr]
    output = None if latest.output is None else json.loads(latest.output)
    error = None if latest.error is None else json.loads(latest.error)
    return {"status": latest.status, "output": output, "error": error}
