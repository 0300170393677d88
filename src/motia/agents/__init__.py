"""Durable agents: a model that calls steps and functions, inside a workflow.

Needs the extra `agents` (pydantic-ai); a provider's package comes with it for OpenAI and Anthropic.
"""

from __future__ import annotations

try:
    import pydantic_ai as _pydantic_ai  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "motia.agents: expected pydantic-ai, got none\n  hint: pip install 'motia-steps[agents]'",
        name=error.name,
    ) from error

from motia.agents.agent import Agent, AgentResult
from motia.agents.budget import Budget
from motia.agents.tools import Tool
from motia.agents.usage import Price, Usage
from motia.errors import AgentError, BudgetExceededError

__all__ = [
    "Agent",
    "AgentError",
    "AgentResult",
    "Budget",
    "BudgetExceededError",
    "Price",
    "Tool",
    "Usage",
]
