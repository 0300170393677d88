"""Answers of people: what they are asked, and how what they say reaches the run that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Batch, Post
from motia.core.workflow import APPROVAL_TOPIC, UNDO_MARKER, JournalEntry, Mail
from motia.errors import InternalError
from motia.schemas.schema import Schema
from motia.workflow.approvals import (
    ApprovalLinks,
    ApprovalPlace,
    approval_document,
    approval_key,
    check_open,
)

if TYPE_CHECKING:
    from motia.engine.engine import Engine


class Approvals:
    """What runs of all nodes ask people, read and answered here."""

    def __init__(self, engine: Engine, links: ApprovalLinks) -> None:
        self._engine = engine
        self.links = links

    async def open_ones(self, limit: int = 100) -> list[dict[str, Any]]:
        """Those that wait for an answer, the oldest first."""
        found = await self._engine.backend.workflow.approvals(self._engine.clock.now_ms(), limit=limit)
        return [approval_document(run, entry, self.links) for run, entry in found]

    async def form(self, token: str) -> dict[str, Any]:
        """What is asked under a link: `title`, `message`, `schema`, `expires_at_ms`.

        Failure: `AccessError` `approval.bad_link`, `InputError` `approval.answered`, `approval.expired`,
        `approval.closed`.
        """
        entry = await self._open_entry(self.links.read(token))
        return {**encoding.decode(entry.value or b"{}"), "expires_at_ms": entry.due_at_ms}

    async def answer(self, token: str, body: bytes) -> None:
        """Take an answer, once. It is durable when this returns, and the run goes on.

        Failure: as for `form`; `InputError` `json.malformed`, and `input.invalid` where it does not fit.
        """
        place = self.links.read(token)
        entry = await self._open_entry(place)
        form = encoding.decode(entry.value or b"{}")
        Schema(form["schema"], source=None).validate_json(body, "answer")
        now_ms = self._engine.clock.now_ms()
        mail = Mail(
            id=self._engine.ids.message_id(),
            topic=APPROVAL_TOPIC,
            payload=encoding.encode(encoding.decode(body)),
            at_ms=now_ms,
            # It ends a wait or nothing: it is not kept for one to come.
            keep_until_ms=now_ms,
            key=approval_key(place.run, place.name),
        )
        (woken,) = await self._engine.backend.commit(Batch((Post(mail),)))
        if not woken:
            # Somebody was faster, or the run has given up meanwhile.
            await self._open_entry(place)
            raise InternalError("approval: expected its run to wait for it", code="internal.approval")

    async def _open_entry(self, place: ApprovalPlace) -> JournalEntry:
        store = self._engine.backend.workflow
        run = await store.run(place.run)
        entries = {entry.name: entry for entry in await store.journal(place.run)}
        over = run is None or run.ended_at_ms is not None or UNDO_MARKER in entries
        return check_open(entries.get(place.name), over=over, now_ms=self._engine.clock.now_ms())
