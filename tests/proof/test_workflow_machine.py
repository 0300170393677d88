"""Hypothesis drives runs of each backend beside a small model of them, and replays programs over journals."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.backends.protocol import Backend
from motia.backends.sqlite.backend import SqliteBackend
from motia.core import batch as ops
from motia.core.message import Claim, NewMessage, QueueName, TraceContext
from motia.core.workflow import JournalEntry, Mail, RunId, mail_key
from motia.errors import ConflictError, WorkflowError
from motia.workflow.replay import Replay

pytestmark = pytest.mark.proof
_Q = QueueName("topic", "step")
_NODE = b"1" * 16
_TRACE = TraceContext("a" * 32, "b" * 16)
_NAMES = st.sampled_from(["a", "b", "c"])
_STATUSES = st.sampled_from(["done", "failed", "retrying"])
_KEYS = {number: mail_key(["order"], {"order": number}) or "" for number in (1, 2)}
_FOREVER_MS = 10**9


class Machine(RuleBasedStateMachine):
    """Runs that write, wait, sleep and end; mail that comes before and after; attempts that come too late."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_ms = 1000
        self.number = 0
        self.claims: dict[int, Claim] = {}
        self.entries: dict[int, dict[str, tuple[Any, ...]]] = {}
        """Run → its entries in order: status and value."""
        self.status: dict[int, str] = {}
        self.due_ms: dict[int, int | None] = {}
        """Of suspended runs."""
        self.waits: dict[int, dict[str, int]] = {}
        """Run → name of the entry and the order it waits for."""
        self.taken: dict[int, set[int]] = {}
        self.mail: list[tuple[int, int]] = []
        """Number and order, of the topic since somebody first waited."""
        self.mail_is_kept = False

    def make(self) -> Backend:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.backend = self.make()
        self.loop.run_until_complete(self.backend.open())
        self.commit(ops.RegisterNode(_NODE, 1, 0))

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.loop.run_until_complete(self.backend.close())
        self.loop.close()

    def commit(self, *operations: Any, guard: Claim | None = None, late: bool = False) -> list[Any]:
        guards = [ops.ClaimHeld(guard.seq, guard.id, guard.token + late)] if guard is not None else []

        async def commit() -> list[Any]:
            results: list[Any] = await self.backend.commit(ops.Batch(operations, guards))
            return results

        return self.loop.run_until_complete(commit())

    def run_of(self, number: int) -> RunId:
        return RunId(number.to_bytes(16, "big"), _Q.step)

    def held(self) -> list[int]:
        return sorted(self.claims)

    # Runs

    @rule()
    def begin(self) -> None:
        self.number += 1
        id_ = self.run_of(self.number).message_id
        self.commit(
            ops.Enqueue(NewMessage(id=id_, queue=_Q, payload=b"1", trace=_TRACE, enqueued_at_ms=self.now_ms))
        )
        self.status[self.number], self.due_ms[self.number] = "running", None
        self.entries[self.number], self.waits[self.number], self.taken[self.number] = {}, {}, set()
        self.claim()
        run = self.run_of(self.number)
        self.commit(
            ops.RunBegin(run=run, topic=_Q.topic, started_at_ms=self.now_ms, trace=_TRACE, input=b"1"),
            guard=self.claims[self.number],
        )

    def claim(self) -> None:
        wanted = [ops.WantedQueue(_Q, 100)]
        claim = ops.ClaimReady(node=_NODE, wanted=wanted, max_bytes=10**6, now_ms=self.now_ms)
        (claims,) = self.commit(claim)
        for one in claims:
            number = int.from_bytes(one.id, "big")
            assert number not in self.claims, "claimed twice"
            self.claims[number] = one
            self.status[number], self.due_ms[number] = "running", None

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), name=_NAMES, status=_STATUSES, late=st.booleans())
    def put(self, data: st.DataObject, name: str, status: Any, late: bool) -> None:
        number = data.draw(st.sampled_from(self.held()))
        if name in self.waits[number]:
            return
        self.now_ms += 1
        value = str(self.now_ms).encode()
        entry = JournalEntry(name=name, kind="step", status=status, at_ms=self.now_ms, value=value)
        try:
            self.commit(ops.JournalPut(self.run_of(number), entry), guard=self.claims[number], late=late)
        except ConflictError:
            assert late
        else:
            assert not late
            self.entries[number][name] = (status, value)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), order=st.sampled_from([1, 2]))
    def wait_for(self, data: st.DataObject, order: int) -> None:
        number = data.draw(st.sampled_from(self.held()))
        name = f"wait {len(self.entries[number])}"
        wait = ops.WaitFor(
            run=self.run_of(number),
            queue=_Q,
            name=name,
            topic="paid",
            fields=["order"],
            key=_KEYS[order],
            since_ms=0,
            now_ms=self.now_ms,
        )
        entry = JournalEntry(name=name, kind="wait", status="waiting", at_ms=self.now_ms)
        there = self.commit(ops.JournalPut(self.run_of(number), entry), wait, guard=self.claims[number])[-1]
        self.mail_is_kept = True
        fits = [mail for mail, of in self.mail if of == order and mail not in self.taken[number]]
        assert bool(there) == bool(fits)
        if fits:
            self.take(number, name, fits[0], order)
        else:
            self.entries[number][name] = ("waiting", None)
            self.waits[number][name] = order

    def take(self, number: int, name: str, mail: int, order: int) -> None:
        self.entries[number][name] = ("done", b'{"order":%d}' % order)
        self.taken[number].add(mail)
        self.waits[number].pop(name, None)

    @rule(order=st.sampled_from([1, 2]))
    def post(self, order: int) -> None:
        self.number += 1
        mail = self.number
        self.now_ms += 1
        (woken,) = self.commit(
            ops.Post(
                Mail(
                    id=mail.to_bytes(16, "big"),
                    topic="paid",
                    payload=b'{"order":%d}' % order,
                    at_ms=self.now_ms,
                    keep_until_ms=_FOREVER_MS,
                )
            )
        )
        expected = 0
        if self.mail_is_kept:
            self.mail.append((mail, order))
            for number, waits in self.waits.items():
                for name in [name for name, of in waits.items() if of == order]:
                    self.take(number, name, mail, order)
                    expected += 1
                    if self.status[number] == "suspended":
                        self.status[number], self.due_ms[number] = "running", None
        assert woken == expected

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), sleep_ms=st.none() | st.integers(1, 50))
    def suspend(self, data: st.DataObject, sleep_ms: int | None) -> None:
        number = data.draw(st.sampled_from(self.held()))
        waits = tuple(self.waits[number])
        if not waits and sleep_ms is None:
            return
        due_ms = None if sleep_ms is None else self.now_ms + sleep_ms
        self.commit(ops.Settle(self.claims.pop(number), ops.Suspended(due_ms, waits)))
        self.status[number], self.due_ms[number] = "suspended", due_ms

    @rule(ms=st.integers(1, 60))
    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        self.commit(ops.PromoteDue(self.now_ms, 100))
        for number, due_ms in self.due_ms.items():
            if self.status[number] == "suspended" and due_ms is not None and due_ms <= self.now_ms:
                self.status[number], self.due_ms[number] = "running", None
        self.claim()

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), status=st.sampled_from(["completed", "failed", "cancelled"]))
    def end(self, data: st.DataObject, status: Any) -> None:
        number = data.draw(st.sampled_from(self.held()))
        over = ops.RunEnd(run=self.run_of(number), status=status, at_ms=self.now_ms, output=b"2")
        self.commit(ops.Settle(self.claims.pop(number), ops.Completed()), over)
        self.status[number] = status
        self.waits[number].clear()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "backend"):
            return

        async def read() -> list[Any]:
            found = []
            for number in self.entries:
                run = self.run_of(number)
                summary = await self.backend.workflow.run(run)
                found.append((number, summary, await self.backend.workflow.journal(run)))
            return found

        for number, summary, journal in self.loop.run_until_complete(read()):
            assert summary is not None
            assert (summary.status, summary.entries) == (self.status[number], len(self.entries[number]))
            if self.status[number] == "suspended":
                assert summary.due_at_ms == self.due_ms[number]
            told = {entry.name: (entry.status, entry.value) for entry in journal}
            assert list(told) == list(self.entries[number])
            assert told == self.entries[number]


class MemoryMachine(Machine):
    def make(self) -> Backend:
        return MemoryBackend(MemoryStore(), _NODE)


class SqliteMachine(Machine):
    def make(self) -> Backend:
        self.folder = tempfile.TemporaryDirectory()

        async def made() -> Backend:
            return SqliteBackend(Path(self.folder.name) / "motia.db", _NODE)

        return self.loop.run_until_complete(made())

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = settings(max_examples=10, stateful_step_count=30, deadline=None)

_PROGRAM = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["step", "call"]), st.integers(1, 2)))


def _walk(replay: Replay, program: list[Any]) -> list[str] | None:
    """The names of a program that does one thing after the other; None where the code changed."""
    names = []
    try:
        for name, kind, version in program:
            unique = replay.enter(name, kind=kind, version=version)
            names.append(unique)
            if replay.recorded(unique) is None:
                entry = JournalEntry(name=unique, kind=kind, status="done", at_ms=0, version=version)
                replay.note(entry)
            replay.leave(unique)
        replay.check_all_met()
    except WorkflowError as error:
        if error.code != "workflow.changed":
            raise
        return None
    return names


def _named(program: list[Any]) -> list[Any]:
    """The reference: a name that comes again is counted."""
    names = [name for name, _, _ in program]
    return [
        (name if names[:at].count(name) == 0 else f"{name}#{names[: at + 1].count(name)}", kind, version)
        for at, (name, kind, version) in enumerate(program)
    ]


@settings(max_examples=150, deadline=None)
@given(old=_PROGRAM, new=_PROGRAM, stop=st.integers(0, 8), same=st.booleans())
def test_a_program_is_replayed_or_found_to_have_changed(
    old: list[Any], new: list[Any], stop: int, same: bool
) -> None:
    recorded = _named(old)[:stop]
    entries = [
        JournalEntry(name=name, kind=kind, status="done", at_ms=0, version=version)
        for name, kind, version in recorded
    ]
    program = old if same else new
    wanted = _named(program)
    # Recorded is the beginning of what the code does, in any order: nothing new comes before its end.
    fits = sorted(wanted[: len(recorded)]) == sorted(recorded)
    found = _walk(Replay("r", entries), program)
    assert found == ([name for name, _, _ in wanted] if fits else None)
    assert fits or not same
