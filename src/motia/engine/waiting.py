"""The waits of a run: each is an entry of its journal that somebody else brings to its end.

waiting ─► is the mail there? ─┬─ yes ──────────────────► done
                               └─ no ──► suspended ─► ─┬─► done (mail came)
                                                       └─► failed (its time is up)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from motia import encoding
from motia.core.batch import WaitFor
from motia.core.message import Claim
from motia.core.workflow import EntryKind, JournalEntry, Suspend
from motia.engine.journal import Journal
from motia.errors import WorkflowError
from motia.workflow.approvals import approval_key


class Waits:
    """What one execution of a run waits for."""

    def __init__(self, journal: Journal, claim: Claim) -> None:
        self._journal = journal
        self._claim = claim

    async def mail(
        self,
        name: str,
        topic: str,
        fields: Sequence[str] | None,
        wanted: str,
        timeout_s: float | None,
        *,
        key: str | None = None,
    ) -> Any:
        """The payload of the mail that ends a wait. Failure: `WorkflowError` `workflow.wait_timed_out`."""
        entry = await self.over(name, "wait", topic, fields, wanted, timeout_s, key=key)
        if entry.status == "failed":
            raise WorkflowError(
                f"{name}: expected it to come in time, got nothing",
                code="workflow.wait_timed_out",
                hint="catch WorkflowError and look at its code, or wait longer",
                details={"topic": topic},
                retryable=False,
            )
        return encoding.decode(entry.value or b"null")

    async def over(
        self,
        name: str,
        kind: EntryKind,
        topic: str,
        fields: Sequence[str] | None,
        wanted: str | None,
        timeout_s: float | None,
        *,
        key: str | None = None,
        value: bytes | None = None,
        then: Callable[[JournalEntry], Awaitable[None]] | None = None,
    ) -> JournalEntry:
        """The entry of a wait once it is over; `wanted` None = it is an answer to this very entry. `then` is
        done each time between the beginning of the wait and its end."""
        await self._journal.load()
        unique = self._journal.replay.enter(name, kind=kind, key=key)
        try:
            entry = self._journal.replay.recorded(unique)
            if entry is None:
                wanted = approval_key(self._journal.run, unique) if wanted is None else wanted
                entry = await self._open(unique, kind, topic, fields, wanted, timeout_s, value)
            if then is not None:
                await then(entry)
            return await self._ended(entry)
        finally:
            self._journal.replay.leave(unique)

    async def _open(
        self,
        unique: str,
        kind: EntryKind,
        topic: str,
        fields: Sequence[str] | None,
        wanted: str,
        timeout_s: float | None,
        value: bytes | None = None,
    ) -> JournalEntry:
        """Begin to wait: the entry, which is done already where the mail was there."""
        self._journal.stop_if_undoing()
        now_ms = self._journal.now_ms()
        due_at_ms = None if timeout_s is None else now_ms + round(timeout_s * 1000)
        entry = self._journal.entry(unique, kind, "waiting", due_at_ms=due_at_ms, value=value)
        wait = WaitFor(
            run=self._journal.run,
            queue=self._claim.queue,
            name=unique,
            topic=topic,
            fields=fields,
            key=wanted,
            since_ms=self._claim.enqueued_at_ms,
            now_ms=now_ms,
        )
        there = (await self._journal.put(entry, wait))[-1]
        return await self._journal.reread(unique) if there else entry

    async def _ended(self, entry: JournalEntry) -> JournalEntry:
        """The entry of a wait that is over, `done` or `failed`. One that is not suspends the run."""
        if entry.status != "waiting":
            return entry
        self._journal.stop_if_undoing()
        if entry.due_at_ms is None or entry.due_at_ms > self._journal.now_ms():
            raise Suspend(entry.due_at_ms, (entry.name,))
        error = b'{"code":"workflow.wait_timed_out"}'
        return await self._journal.give_up(replace(entry, status="failed", value=None, error=error))
