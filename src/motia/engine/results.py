"""Values of the author's code that storage keeps: results of durable steps, of runs and of called steps."""

from __future__ import annotations

from motia import encoding
from motia.core.invocation import Failed, Outcome, Succeeded
from motia.errors import MotiaError, WorkflowError


def text_of(value: object, what: str, limit_bytes: int) -> bytes:
    """A value as it is kept. Failure: `WorkflowError` `workflow.result_too_large`, `EncodingError`."""
    try:
        text = encoding.encode_kept(value)
    except encoding.EncodingError as error:
        raise encoding.EncodingError(f"{what}: {error.message}", path=error.details["path"]) from error
    if len(text) > limit_bytes:
        raise WorkflowError(
            f"{what}: expected a result of at most {limit_bytes} bytes, got {len(text)}",
            code="workflow.result_too_large",
            hint="store it in state or in a file, and return its key",
            retryable=False,
        )
    return text


def if_kept(outcome: Outcome, step: str, limit_bytes: int) -> Outcome:
    """`outcome`, or its failure where what the handler returned cannot be kept."""
    if isinstance(outcome, Succeeded):
        try:
            text_of(outcome.value, f"{step}: what it returned", limit_bytes)
        except MotiaError as error:
            return Failed(error, retryable=False)
    return outcome
