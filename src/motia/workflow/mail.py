"""Signals: mail for one run."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.ids import Ids, format_id, parse_id
from motia.core.message import MessageId
from motia.core.workflow import REPLY, RESULT_TOPIC, SIGNAL_TOPIC, Mail
from motia.errors import InputError

KEEP_MAIL_MS = 7 * 86_400_000
"""How long an event is kept for workflows that have not come to wait for it yet."""


def parse_run_id(text: str) -> MessageId:
    """The message of a run. Failure: `InputError` `run.bad_id`."""
    try:
        return parse_id(text)
    except ValueError as error:
        raise InputError(
            f"run: expected the id of a run, got {text!r}", code="run.bad_id", hint="see `motia runs list`"
        ) from error


def unanswered(id_: MessageId, attributes: bytes, how: str, now_ms: int) -> Mail | None:
    """What the sender of a message is told that ended without an answer: "cancelled" or "expired". None
    where nobody waits for one."""
    if REPLY.encode() not in attributes:
        return None
    message = f"the message was {how}"
    return Mail(
        id=id_,
        topic=RESULT_TOPIC,
        payload=encoding.encode({"error": {"code": f"message.{how}", "type": how, "message": message}}),
        at_ms=now_ms,
        keep_until_ms=now_ms + KEEP_MAIL_MS,
        key=format_id(id_),
    )


def signal_mail(run_id: str, name: str, data: Any, ids: Ids, now_ms: int) -> Mail:
    """What delivers a signal to a run. Failure: `InputError` `run.bad_id`, `EncodingError`."""
    return Mail(
        id=ids.message_id(),
        topic=f"{SIGNAL_TOPIC}{name}",
        payload=encoding.encode(data),
        at_ms=now_ms,
        keep_until_ms=now_ms + KEEP_MAIL_MS,
        key=format_id(parse_run_id(run_id)),
    )
