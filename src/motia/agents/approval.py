"""A person's word before a tool does what cannot be taken back."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from motia import encoding
from motia.agents.tool import Tool
from motia.authoring.context import Context
from motia.errors import ApprovalExpiredError


class Decision(BaseModel):
    """What a person is asked."""

    approved: bool
    reason: str = ""


async def ask_person(ctx: Context, tool: Tool, arguments: Any, *, label: str, key: str) -> Decision:
    """What a person decided. The run waits without holding anything; no answer in time is a no."""
    try:
        decision: Decision = await ctx.approval(
            Decision,
            title=f"May {label} call {tool.name}?",
            message=encoding.encode(arguments).decode(),
            expires=tool.expires,
            notify=tool.notify,
            key=f"{label} {tool.name} {key}",
        )
    except ApprovalExpiredError:
        return Decision(approved=False, reason="nobody decided in time")
    return decision
