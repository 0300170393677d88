"""Durable agents: a model that calls steps and functions, inside a workflow.

Needs the extra `agents` (pydantic-ai); a provider's package comes with it for OpenAI and Anthropic.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("pydantic_ai") is None:
    raise ModuleNotFoundError(
        "motia.agents: expected pydantic-ai, got none\n  hint: pip install 'motia-steps[agents]'",
        name="pydantic_ai",
    )

from motia.agents.agent import Agent
from motia.agents.budget import Budget
from motia.agents.result import AgentResult
from motia.agents.tool import Tool
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
