"""A person's word before a tool does what cannot be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motia.agents.tools import Tool
from motia.authoring.context import Context


@dataclass(frozen=True, slots=True)
class Denied:
    """A person said no."""

    reason: str = ""


async def ask_person(ctx: Context, tool: Tool, arguments: Any, *, label: str, key: str) -> Denied | None:
    """None once a person has agreed. The run waits for the signal without holding anything.

    The signal's data is `{"approved": true}`, or `{"approved": false, "reason": "…"}`; anything else is no.
    """
    signal = f"approve {label} {tool.name} {key}"
    ctx.logger.info(f"{label} waits for approval of {tool.name}", arguments=arguments, signal=signal)
    said = await ctx.wait_for_signal(signal)
    if isinstance(said, dict) and said.get("approved") is True:
        return None
    return Denied(str(said.get("reason", "")) if isinstance(said, dict) else "")
