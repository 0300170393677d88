"""Python: writes the greeting and hands it to JavaScript."""

from typing import Any

config = {
    "type": "event",
    "name": "WriteGreeting",
    "subscribes": ["greeting.wanted"],
    "emits": ["greeting.written"],
    "flows": ["greetings"],
}


async def handler(input: dict[str, Any], ctx: Any) -> None:
    text = f"Hello {input['name']}, says Python"
    await ctx.emit({"topic": "greeting.written", "data": {"text": text}})
