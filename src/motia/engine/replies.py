"""What the sender of a message is told where it waits for what the step returned (`ctx.call`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia import encoding
from motia.core.batch import Operation, Post
from motia.core.ids import format_id
from motia.core.invocation import Failed, Outcome, Succeeded
from motia.core.message import Claim, MessageId
from motia.core.workflow import REPLY, RESULT_TOPIC, Mail
from motia.errors import MotiaError
from motia.workflow.mail import KEEP_MAIL_MS

_FINAL = frozenset({"completed", "dead", "cancelled", "expired"})


def is_awaited(claim: Claim) -> bool:
    """Whether its sender waits for what the step returns."""
    return bool(claim.attributes) and REPLY.encode() in claim.attributes


def reply_to_caller(
    claim: Claim, verdict: str, outcome: Outcome, *, now_ms: int, mail_id: MessageId
) -> list[Operation]:
    """The mail that tells the sender how its message ended; [] where nobody waits, or it has not ended."""
    if verdict not in _FINAL:
        return []
    answer: dict[str, Any] = {"error": {"type": verdict, "message": f"the message was {verdict}"}}
    if isinstance(outcome, Succeeded):
        answer = {"value": outcome.value}
    elif isinstance(outcome, Failed):
        answer = {"error": told(outcome.error)}
    return reply(claim, answer, now_ms=now_ms, mail_id=mail_id)


def reply(claim: Claim, answer: Mapping[str, Any], *, now_ms: int, mail_id: MessageId) -> list[Operation]:
    """The mail with `answer`, `{"value"}` or `{"error"}`; [] where nobody waits for it."""
    if not is_awaited(claim):
        return []
    mail = Mail(
        id=mail_id,
        topic=RESULT_TOPIC,
        payload=encoding.encode(answer),
        at_ms=now_ms,
        keep_until_ms=now_ms + KEEP_MAIL_MS,
        key=format_id(claim.id),
    )
    return [Post(mail)]


def told(error: BaseException) -> dict[str, Any]:
    """An error as JSON."""
    kind = getattr(error, "type_name", "") or type(error).__name__
    message = error.message if isinstance(error, MotiaError) else str(error)
    return {"code": getattr(error, "code", "handler.raised"), "type": kind, "message": message}


def headline_of(failure: Mapping[str, Any]) -> str:
    """One line of what `told` gave: some errors have no message."""
    kind, message = failure.get("type", "Exception"), failure.get("message", "")
    return f"{kind}: {message}" if message else kind
