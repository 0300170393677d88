"""The tool by which a model gives an answer of a type."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic_ai.tools import ToolDefinition

from motia.schemas.typed import TypeReader

ANSWER = "final_answer"


class TypedAnswer:
    """The type of an agent's answer: as a tool for the model, and to read what it is called with."""

    def __init__(self, kind: Any) -> None:
        self._reader = TypeReader(kind)
        schema = TypeAdapter(kind).json_schema()
        self.definition = ToolDefinition(
            name=ANSWER,
            description=schema.get("description", "Give the answer, and end."),
            parameters_json_schema=schema,
            kind="output",
        )

    def read(self, arguments: dict[str, Any]) -> Any:
        """The answer. Failure: `InputError` `input.invalid`."""
        return self._reader.from_value(arguments, "answer")
