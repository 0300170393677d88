"""Dead letters as operators see them: which are meant, which died of the same cause. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from motia import encoding
from motia.core.causes import cause_of, normal
from motia.core.message import DeadLetter, MessageId, QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQuery:
    """Which dead letters are meant: those that fit all that is given."""

    ids: frozenset[MessageId] | None = None
    topic: str | None = None
    step: str | None = None
    code: str | None = None
    cause: str | None = None
    """Id of a group of letters, as `cause_of_letter` gives it."""
    text: str | None = None
    """In the payload or the error, in any case."""
    died_since_ms: int | None = None
    died_before_ms: int | None = None

    def fits(self, letter: DeadLetter) -> bool:
        if self.ids is not None and letter.id not in self.ids:
            return False
        if self.topic not in (None, letter.queue.topic) or self.step not in (None, letter.queue.step):
            return False
        if self.code not in (None, letter.code):
            return False
        if self.died_since_ms is not None and letter.died_at_ms < self.died_since_ms:
            return False
        if self.died_before_ms is not None and letter.died_at_ms >= self.died_before_ms:
            return False
        if self.text:
            wanted = self.text.lower().encode("utf-8", "replace")
            if wanted not in letter.payload.lower() and wanted not in letter.error.lower():
                return False
        return self.cause is None or self.cause == cause_of_letter(letter)


EVERY_LETTER = DeadLetterQuery()


def fields_of_error(text: bytes) -> Mapping[str, Any]:
    """The fields of a letter's last error; empty where none was recorded."""
    error = encoding.decode(text) if text else None
    return error if isinstance(error, Mapping) else {}


def cause_of_error(step: str, code: str, text: bytes) -> str:
    """The id that letters share whose step, code, type and message, numbers and ids aside, are the same."""
    error = fields_of_error(text)
    return cause_of(step, code, str(error.get("type", "")), str(error.get("message", "")))


def cause_of_letter(letter: DeadLetter) -> str:
    return cause_of_error(letter.queue.step, letter.code, letter.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadGroup:
    """Letters of one queue that died of the same cause."""

    cause: str
    queue: QueueName
    code: str
    type: str
    message: str
    """With `#` for numbers and ids."""
    count: int
    first_ms: int
    last_ms: int
    sample: MessageId
    """The newest of them."""

    @classmethod
    def of(cls, cause: str, queue: QueueName, code: str, error: bytes, **counts: Any) -> DeadGroup:
        """The group of a letter with this error."""
        fields = fields_of_error(error)
        type_, message = str(fields.get("type", "")), normal(str(fields.get("message", "")))
        return cls(cause=cause, queue=queue, code=code, type=type_, message=message, **counts)
