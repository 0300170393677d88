"""Approvals: what a person is asked, and the signed link under which they answer. Pure.

A link is `<what>.<signature>`: whose answer it is and until when, in base64url, signed with a key that only
the nodes and the owner of the project can read. Nobody can make one up, and none outlives its approval.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from motia import encoding
from motia.core.ids import format_id, parse_id
from motia.core.workflow import JournalEntry, RunId
from motia.errors import AccessError, InputError

PREFIX = "/__motia/approvals/"
"""Below it, on the API's port, answers are given."""
_LONGEST_TOKEN_CHARS = 2048


@dataclass(frozen=True, slots=True)
class ApprovalPlace:
    """Whose answer a link is, and until when it is taken."""

    run: RunId
    name: str
    """Of the entry in the run's journal."""
    expires_at_ms: int


class ApprovalLinks:
    """Makes links and reads them. `key` is asked for when first needed."""

    def __init__(self, key: Callable[[], bytes], base_url: str) -> None:
        self._read_key = key
        self._key = b""
        self._base_url = base_url.rstrip("/")

    def url(self, place: ApprovalPlace) -> str:
        """The address that a person is sent."""
        return f"{self._base_url}{self.path(place)}"

    def path(self, place: ApprovalPlace) -> str:
        """The same without scheme and host."""
        what = [format_id(place.run.message_id), place.run.step, place.name, place.expires_at_ms]
        text = urlsafe_b64encode(encoding.encode(what)).rstrip(b"=")
        return f"{PREFIX}{text.decode()}.{self._signature(text)}"

    def read(self, token: str) -> ApprovalPlace:
        """What a link says. Failure: `AccessError` `approval.bad_link` unless this project made it."""
        text, _, signature = token.partition(".")
        given = text.encode("utf-8", "replace")
        # The signature comes first: nothing of a text that is not ours is looked at.
        genuine = len(token) <= _LONGEST_TOKEN_CHARS and hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._signature(given).encode()
        )
        if not genuine:
            raise AccessError(
                "approval: expected a link that this project made, got another",
                code="approval.bad_link",
                hint="copy the whole link",
            )
        try:
            id_, step, name, expires_at_ms = encoding.decode(
                urlsafe_b64decode(given + b"=" * (-len(given) % 4))
            )
        except (ValueError, binascii.Error) as error:
            raise AccessError("approval: expected a link, got none", code="approval.bad_link") from error
        return ApprovalPlace(RunId(parse_id(id_), step), name, expires_at_ms)

    def _signature(self, text: bytes) -> str:
        if not self._key:
            self._key = hmac.digest(self._read_key(), b"motia approval", "sha256")
        digest = hmac.digest(self._key, text, hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def approval_key(run: RunId, name: str) -> str:
    """Under which key the answer is mail."""
    return f"{format_id(run.message_id)}/{run.step}/{name}"


def approval_document(run: RunId, entry: JournalEntry, links: ApprovalLinks) -> dict[str, Any]:
    """One open approval, with the link under which it is answered."""
    assert entry.due_at_ms is not None
    place = ApprovalPlace(run, entry.name, entry.due_at_ms)
    return {
        "run_id": format_id(run.message_id),
        "step": run.step,
        "name": entry.name,
        **encoding.decode(entry.value or b"{}"),
        "asked_at_ms": entry.at_ms,
        "expires_at_ms": entry.due_at_ms,
        "path": links.path(place),
        "url": links.url(place),
    }


def check_open(entry: JournalEntry | None, *, over: bool, now_ms: int) -> JournalEntry:
    """The entry, if an answer to it may still be given; `over` = its run has ended or is being undone.

    Failure: `InputError` `approval.answered` (409), `approval.expired` and `approval.closed` (410).
    """
    if entry is not None and entry.status == "done":
        raise InputError(
            "approval: expected one that nobody has answered, got one that was answered before",
            code="approval.answered",
            status=409,
            details={"answered_at_ms": entry.at_ms},
        )
    if entry is not None and (entry.status == "failed" or (entry.due_at_ms or 0) <= now_ms):
        raise InputError(
            "approval: expected an answer in time, got one after its expiry",
            code="approval.expired",
            status=410,
            details={"expires_at_ms": entry.due_at_ms},
        )
    if entry is None or over:
        raise InputError(
            "approval: expected one that a run waits for, got one whose run has ended",
            code="approval.closed",
            status=410,
        )
    return entry
