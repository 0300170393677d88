"""A stand-in for a language model: it plans, calls tools and writes by fixed rules, and can only quote.

The same question always gets the same answer, so that the example runs without a key, a network or a bill.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

_OPENING = "I am no language model, only a stand-in that can quote. This is what the library says."


def local_model() -> FunctionModel:
    return FunctionModel(_answer, stream_function=_stream, model_name="local-stand-in")


async def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    await _pause()
    if info.output_tools:
        return _calling(info.output_tools[0].name, {"topics": _topics(_prompt(messages))})
    if any(tool.name == "note" for tool in info.function_tools):
        return _researcher(messages)
    return ModelResponse(parts=[TextPart(_OPENING)])


async def _stream(
    messages: list[ModelMessage], info: AgentInfo
) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
    findings = _returned(messages, "read_notes")
    if not findings:
        await _pause()
        yield {0: DeltaToolCall("read_notes", "{}", tool_call_id="call-1")}
        return
    facts = [f"\n\n{source}: {fact}" for source, fact in findings[0].items()] or [" Nothing."]
    for word in re.findall(r"\s*\S+", "".join([_OPENING, *facts])):
        await _pause()
        yield word


def _topics(question: str) -> list[str]:
    parts = re.split(r"[,;.?!]|\band\b", question)
    return [part.strip() for part in parts if part.strip()][:4] or [question]


def _researcher(messages: list[ModelMessage]) -> ModelResponse:
    """Search, note what was found, and say so: one after the other."""
    searched = _returned(messages, "search_library")
    if not searched:
        return _calling("search_library", {"query": _prompt(messages)})
    if not searched[0]:
        return ModelResponse(parts=[TextPart("The library has nothing on this.")])
    best = searched[0][0]
    if not _returned(messages, "note"):
        return _calling("note", {"source": best["source"], "fact": best["text"]})
    return ModelResponse(parts=[TextPart(f"Found in “{best['source']}”.")])


def _calling(tool: str, arguments: dict[str, Any]) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, json.dumps(arguments), f"call-{tool}")])


def _prompt(messages: list[ModelMessage]) -> str:
    parts = [part for message in messages for part in message.parts]
    return next(str(part.content) for part in reversed(parts) if part.part_kind == "user-prompt")


def _returned(messages: list[ModelMessage], tool: str) -> list[Any]:
    """What a tool has given so far."""
    parts = [part for message in messages for part in message.parts]
    return [part.content for part in parts if part.part_kind == "tool-return" and part.tool_name == tool]


async def _pause() -> None:
    await asyncio.sleep(float(os.environ.get("RESEARCH_PAUSE_S", "0.04")))
