"""What a run of an agent came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from motia.agents.usage import Usage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

Output = TypeVar("Output", default=str)
History = Sequence[Mapping[str, Any]]
"""Messages of a conversation as JSON, as `AgentResult.history` gives them."""


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[Output]):
    """What an agent came to: the text of its answer, or an instance of the agent's `output`."""

    output: Output
    usage: Usage
    """Of this run of the agent alone; `Budget.spent` counts all that share one."""
    messages: Sequence[ModelMessage]

    @property
    def history(self) -> list[dict[str, Any]]:
        """The whole conversation as JSON, to be kept and given to the next run as `history`."""
        from pydantic_ai.messages import ModelMessagesTypeAdapter  # loaded by the run that this is of

        kept = ModelMessagesTypeAdapter.dump_python(list(self.messages), mode="json", exclude_none=True)
        history: list[dict[str, Any]] = kept
        return history
