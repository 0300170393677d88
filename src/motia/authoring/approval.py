"""What `ctx.approval` asks, and what an answer is to the handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia.errors import InputError, WorkflowError
from motia.schemas.sources import schema_of
from motia.schemas.typed import TypeReader


def form_for(model: Any, title: str, message: str) -> dict[str, Any]:
    """The question as JSON. Failure: `WorkflowError` `workflow.bad_approval` for what is no model."""
    schema = schema_of(model, "ctx.approval")
    if schema is None:
        raise WorkflowError(
            "ctx.approval: expected a model of the answer, got None",
            code="workflow.bad_approval",
            hint="give a Pydantic model, a type or a JSON Schema",
            retryable=False,
        )
    return {"title": title, "message": message, "schema": schema.json_schema}


def answer_of(model: Any, answer: Any) -> Any:
    """The answer as the model, or as it came where the model is a JSON Schema."""
    if isinstance(model, Mapping):
        return answer
    try:
        return TypeReader(model).from_value(answer, "answer")
    except InputError as error:
        raise WorkflowError(
            f"ctx.approval: expected an answer that the model takes, got one it refuses: {error.message}",
            code="workflow.approval_invalid",
            details=error.details,
            hint="say the rule in the JSON Schema too, so that the person is told",
            retryable=False,
        ) from error
