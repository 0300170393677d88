"""One function an operation: the SQL that a commit runs, inside the writer's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from motia import encoding
from motia.backends.sqlite.schema import BLOCKED, CLAIMED, READY, SCHEDULED
from motia.core import batch as ops
from motia.core.message import Claim, NewMessage, QueueName, TraceContext
from motia.core.update import apply_update
from motia.errors import ConflictError

INSERT = (
    "INSERT INTO deliveries (seq, id, queue, state, due_at, group_key, claimed_by, token,"
    " enqueued_at, trace, attributes, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (id, queue) DO NOTHING"
)
COMPLETE = "DELETE FROM deliveries WHERE seq = ? AND id = ? AND token = ? AND state = 3"
_CLAIM_COLUMNS = (
    "d.seq, d.id, q.topic, q.step, d.token, d.payload, d.trace, d.enqueued_at,"
    " d.failures, d.crashes, d.group_key, d.attributes, d.errors, d.suspect"
)


def pack_trace(trace: TraceContext) -> str:
    trace_id, span_id, hops = trace
    return f"{trace_id:32}{span_id:16}{hops}"


def unpack_trace(text: str) -> TraceContext:
    return TraceContext(text[:32].rstrip(), text[32:48].rstrip(), int(text[48:] or 0))


class Transaction:
    """Applies operations inside one open transaction. Lives in the writer thread.

    The queue ids and the counter it caches belong to that transaction; `begin` forgets what a rolled
    back one believed.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._queue_ids: dict[QueueName, int] = {}
        self._new_queues: list[QueueName] = []
        self._counter: int | None = None
        self._counter_read = 0
        self._backlog: dict[int, bool] = {}
        self.made_ready = False
        """A message was left for any node to take."""

    def begin(self) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._counter = None
        self._backlog.clear()
        self._new_queues.clear()
        self.made_ready = False

    def commit(self) -> None:
        if self._counter is not None and self._counter != self._counter_read:
            self._execute("UPDATE counter SET value = ?", (self._counter,))
        self._execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._execute("ROLLBACK")
        self._forget_queues_after(0)
        self.made_ready = False

    def _forget_queues_after(self, count: int) -> None:
        """The queues that this transaction made, but for the first `count`, do not exist."""
        for name in self._new_queues[count:]:
            self._queue_ids.pop(name, None)
        del self._new_queues[count:]

    def apply_apart(self, batch: ops.Batch) -> list[Any]:
        """`apply`, but what a failing batch did is undone and the transaction goes on without it."""
        before = len(self._new_queues)
        self._execute("SAVEPOINT batch")
        try:
            results = self.apply(batch)
        except BaseException:
            # After some errors, such as a full disk, SQLite has ended the transaction by itself.
            if self._connection.in_transaction:
                self._execute("ROLLBACK TO batch")
                self._execute("RELEASE batch")
            self._backlog.clear()
            self._forget_queues_after(before)
            raise
        self._execute("RELEASE batch")
        return results

    def next_number(self) -> int:
        """The next of the numbers that order deliveries and version state. Never given twice."""
        if self._counter is None:
            self._counter = self._counter_read = int(self._execute("SELECT value FROM counter").get)
        self._counter += 1
        return self._counter

    def queue_id(self, name: QueueName) -> int:
        """The number of a queue, which is given one if it has none."""
        found = self.known_queue_id(name)
        if found is None:
            insert = "INSERT INTO queues (topic, step) VALUES (?, ?) RETURNING id"
            found = self._queue_ids[name] = int(self._execute(insert, name).get)
            self._new_queues.append(name)
        return found

    def known_queue_id(self, name: QueueName) -> int | None:
        """The number of a queue; None where nothing was ever stored in it."""
        found = self._queue_ids.get(name)
        if found is None:
            found = self._execute("SELECT id FROM queues WHERE topic = ? AND step = ?", name).get
            if found is not None:
                self._queue_ids[name] = found
        return found

    def has_backlog(self, queue: int) -> bool:
        """Whether a message waits in the queue, so that a new one must not be claimed before it."""
        known = self._backlog.get(queue)
        if known is None:
            row = self._execute(
                "SELECT 1 FROM deliveries WHERE queue = ? AND state = 0 LIMIT 1", (queue,)
            ).fetchone()
            known = self._backlog[queue] = row is not None
        return known

    def note_ready(self, queue: int) -> None:
        self._backlog[queue] = True
        self.made_ready = True

    def apply(self, batch: ops.Batch) -> list[Any]:
        """Check the guards, then run the operations in order; one result each."""
        self.check(batch)
        return self.run(batch)

    def check(self, batch: ops.Batch) -> None:
        """Raise `ConflictError` if a guard does not hold."""
        for guard in batch.guards:
            self._check(guard)

    def run(self, batch: ops.Batch) -> list[Any]:
        return [_APPLY[type(operation)](self, operation) for operation in batch.operations]

    def _check(self, guard: ops.Guard) -> None:
        if isinstance(guard, ops.ClaimHeld):
            row = self._execute(
                "SELECT 1 FROM deliveries WHERE seq = ? AND id = ? AND token = ? AND state = 3",
                (guard.seq, guard.id, guard.token),
            ).fetchone()
            if row is None:
                raise superseded()
            return
        row = self._execute(
            "SELECT version FROM state WHERE scope = ?1 AND key = ?2"
            " AND (?3 IS NULL OR expires_at IS NULL OR expires_at > ?3)",
            (guard.scope, guard.key, guard.now_ms),
        ).fetchone()
        found = row[0] if row else 0
        if found != guard.version:
            raise ConflictError(
                f"state {guard.scope}/{guard.key}: expected version {guard.version}, got {found}",
                code="state.version_conflict",
                guard="state_version",
            )

    # Queue ------------------------------------------------------------------------------------------

    def insert_row(self, message: NewMessage) -> tuple[Any, ...]:
        """The row of a new message and the state it starts in. Only for messages without a group."""
        queue = self.queue_id(message.queue)
        if message.due_at_ms is not None:
            state, holder, token = SCHEDULED, None, 0
        elif message.claim_for is not None and not self.has_backlog(queue):
            state, holder, token = CLAIMED, message.claim_for, 1
        else:
            state, holder, token = READY, None, 0
            self.note_ready(queue)
        return (
            self.next_number(),
            message.id,
            queue,
            state,
            message.due_at_ms,
            message.group,
            holder,
            token,
            message.enqueued_at_ms,
            pack_trace(message.trace),
            message.attributes or None,
            message.payload,
        )

    def enqueue(self, operation: ops.Enqueue) -> Claim | None:
        message = operation.message
        row = self.insert_row(message) if message.group is None else self._grouped_row(message)
        self._execute(INSERT, row)
        if not self._connection.changes() or row[3] != CLAIMED:
            return None
        return claim_of(message, row)

    def _grouped_row(self, message: NewMessage) -> tuple[Any, ...]:
        queue = self.queue_id(message.queue)
        behind = self._execute(
            "SELECT 1 FROM deliveries WHERE queue = ? AND group_key = ? LIMIT 1", (queue, message.group)
        ).fetchone()
        state = BLOCKED if behind else READY if message.due_at_ms is None else SCHEDULED
        if state == READY:
            self.note_ready(queue)
        return (
            self.next_number(),
            message.id,
            queue,
            state,
            message.due_at_ms,
            message.group,
            None,
            0,
            message.enqueued_at_ms,
            pack_trace(message.trace),
            message.attributes or None,
            message.payload,
        )

    def settle(self, operation: ops.Settle) -> None:
        claim, settlement = operation.claim, operation.settlement
        held = (claim.seq, claim.id, claim.token)
        if isinstance(settlement, ops.Completed):
            self._execute(COMPLETE, held)
        elif isinstance(settlement, ops.Rescheduled):
            state = READY if settlement.due_at_ms is None else SCHEDULED
            self._execute(
                "UPDATE deliveries SET state = ?, due_at = ?, failures = ?, claimed_by = NULL, suspect = 0,"
                " errors = CASE WHEN length(?4) THEN CAST(coalesce(errors || x'0a', x'') || ?4 AS BLOB)"
                " ELSE errors END WHERE seq = ?5 AND id = ?6 AND token = ?7 AND state = 3",
                (state, settlement.due_at_ms, settlement.failures, settlement.error, *held),
            )
            if state == READY:
                self.note_ready(self.queue_id(claim.queue))
        else:
            self._execute(
                "INSERT INTO dead_letters SELECT ?1, id, queue, group_key, ?2, ?3, errors, ?4, crashes,"
                " enqueued_at, ?5, trace, attributes, payload FROM deliveries"
                " WHERE seq = ?6 AND id = ?7 AND token = ?8 AND state = 3",
                (
                    self.next_number(),
                    settlement.code,
                    settlement.error,
                    settlement.failures,
                    settlement.at_ms,
                    *held,
                ),
            )
            self._execute(COMPLETE, held)
        if not self._connection.changes():
            raise superseded()
        if claim.group is not None and not isinstance(settlement, ops.Rescheduled):
            self._unblock(self.queue_id(claim.queue), claim.group)

    def _unblock(self, queue: int, group: str) -> None:
        """The head of the group has gone: the next one takes its place."""
        self._execute(
            "UPDATE deliveries SET state = CASE WHEN due_at IS NULL THEN 0 ELSE 1 END"
            " WHERE state = 2 AND seq ="
            " (SELECT min(seq) FROM deliveries WHERE queue = ? AND group_key = ?)",
            (queue, group),
        )
        if self._connection.changes():
            self.note_ready(queue)

    def claim_ready(self, operation: ops.ClaimReady) -> list[Claim]:
        wanted: dict[int, ops.WantedQueue] = {}
        for want in operation.wanted:
            known = self.known_queue_id(want.queue)
            if known is not None and want.limit > 0 and operation.max_bytes > 0:
                wanted[known] = want
        suspect = self._first_suspect(wanted)
        if suspect is not None:
            return self._take(operation.node, f"d.seq = {suspect:d}", 1, operation.max_bytes)
        claims: list[Claim] = []
        room_bytes = operation.max_bytes
        for queue, want in wanted.items():
            limit = want.limit
            if want.concurrency is not None:
                limit = min(limit, want.concurrency - self._claimed_count(queue))
            if limit <= 0 or room_bytes <= 0:
                continue
            taken = self._take(operation.node, f"d.queue = {queue:d} AND d.state = 0", limit, room_bytes)
            room_bytes -= sum(len(claim.payload) for claim in taken)
            claims += taken
        return claims

    def _first_suspect(self, wanted: dict[int, ops.WantedQueue]) -> int | None:
        for seq, queue in self._execute(
            "SELECT seq, queue FROM deliveries WHERE suspect = 1 AND state = 0 ORDER BY seq"
        ):
            if queue in wanted:
                return int(seq)
        return None

    def _claimed_count(self, queue: int) -> int:
        count = self._execute(
            "SELECT count(*) FROM deliveries WHERE state = 3 AND queue = ?"
            " AND claimed_by IN (SELECT id FROM nodes)",
            (queue,),
        ).get
        return int(count)

    def _take(self, node: bytes, where: str, limit: int, room_bytes: int) -> list[Claim]:
        claims: list[Claim] = []
        # Read row by row: a thousand payloads of a megabyte must not be loaded to keep sixteen of them.
        for row in self._execute(
            f"SELECT {_CLAIM_COLUMNS} FROM deliveries d JOIN queues q ON q.id = d.queue"
            f" WHERE {where} ORDER BY d.seq LIMIT ?",
            (limit,),
        ):
            claim = _claim_of_row(row)
            room_bytes -= len(claim.payload)
            claims.append(claim)
            if room_bytes <= 0:
                break
        self._connection.executemany(
            "UPDATE deliveries SET state = 3, claimed_by = ?, token = token + 1 WHERE seq = ?",
            [(node, claim.seq) for claim in claims],
        )
        for claim in claims:
            claim.token += 1
        return claims

    def unclaim(self, operation: ops.Unclaim) -> int:
        returned = 0
        for claim in operation.claims:
            self._execute(
                "UPDATE deliveries SET state = 0, claimed_by = NULL"
                " WHERE seq = ? AND id = ? AND token = ? AND state = 3",
                (claim.seq, claim.id, claim.token),
            )
            if self._connection.changes():
                returned += 1
                self.note_ready(self.queue_id(claim.queue))
        return returned

    def promote_due(self, operation: ops.PromoteDue) -> int:
        self._execute(
            "UPDATE deliveries SET state = 0, due_at = NULL WHERE seq IN"
            " (SELECT seq FROM deliveries WHERE state = 1 AND due_at <= ? ORDER BY due_at LIMIT ?)",
            (operation.now_ms, operation.limit),
        )
        count = self._connection.changes()
        if count:
            self._backlog.clear()
            self.made_ready = True
        return count

    def register_node(self, operation: ops.RegisterNode) -> None:
        self._execute(
            "INSERT OR REPLACE INTO nodes (id, pid, lock_path, started_at) VALUES (?,?,?,?)",
            (operation.node, operation.pid, operation.lock_path, operation.started_at_ms),
        )

    def recover_node(self, operation: ops.RecoverNode) -> int:
        claims = [
            _claim_of_row(row)
            for row in self._execute(
                f"SELECT {_CLAIM_COLUMNS} FROM deliveries d JOIN queues q ON q.id = d.queue"
                " WHERE d.state = 3 AND d.claimed_by = ?",
                (operation.node,),
            ).fetchall()
        ]
        for claim in claims:
            ran = operation.running is None or (claim.seq, claim.id) in operation.running
            if ran and claim.crashes + 1 >= operation.max_crashes:
                self._execute("UPDATE deliveries SET crashes = crashes + 1 WHERE seq = ?", (claim.seq,))
                died = ops.Died("worker.crashed", operation.error, claim.failures, operation.now_ms)
                self.settle(ops.Settle(claim, died))
                continue
            self._execute(
                "UPDATE deliveries SET state = 0, claimed_by = NULL, crashes = crashes + ?1,"
                " suspect = max(suspect, ?1) WHERE seq = ?2",
                (int(ran), claim.seq),
            )
            self.note_ready(self.queue_id(claim.queue))
        self._execute("DELETE FROM nodes WHERE id = ?", (operation.node,))
        return len(claims)

    def redrive(self, operation: ops.Redrive) -> int:
        rows = self._dead(operation.queue, operation.ids, None, operation.limit)
        for seq, id_, topic, step, group, enqueued_at, trace, attributes, payload in rows:
            message = NewMessage(
                id=id_,
                queue=QueueName(topic, step),
                payload=payload,
                trace=unpack_trace(trace),
                enqueued_at_ms=enqueued_at,
                group=group,
                attributes=attributes or b"",
            )
            self.enqueue(ops.Enqueue(message))
            self._execute("DELETE FROM dead_letters WHERE seq = ?", (seq,))
        return len(rows)

    def purge_dead(self, operation: ops.PurgeDead) -> int:
        rows = self._dead(operation.queue, operation.ids, operation.died_before_ms, operation.limit)
        self._connection.executemany("DELETE FROM dead_letters WHERE seq = ?", [(row[0],) for row in rows])
        return len(rows)

    def _dead(
        self, queue: QueueName | None, ids: frozenset[bytes] | None, before_ms: int | None, limit: int
    ) -> list[tuple[Any, ...]]:
        where, values = ["1"], list[Any]()
        if queue is not None:
            where.append("q.topic = ? AND q.step = ?")
            values += queue
        if ids is not None:
            where.append(f"d.id IN ({','.join('?' * len(ids))})")
            values += ids
        if before_ms is not None:
            where.append("d.died_at < ?")
            values.append(before_ms)
        return self._execute(
            "SELECT d.seq, d.id, q.topic, q.step, d.group_key, d.enqueued_at, d.trace, d.attributes,"
            " d.payload"
            f" FROM dead_letters d JOIN queues q ON q.id = d.queue WHERE {' AND '.join(where)}"
            " ORDER BY d.seq LIMIT ?",
            (*values, limit),
        ).fetchall()

    def fire(self, operation: ops.Fire) -> bool:
        self._execute(
            "INSERT INTO schedules (key, fired_at) VALUES (?, ?) ON CONFLICT (key)"
            " DO UPDATE SET fired_at = excluded.fired_at WHERE excluded.fired_at > fired_at",
            (operation.key, operation.at_ms),
        )
        if not self._connection.changes():
            return False
        if operation.only_if_idle:
            queue = self.known_queue_id(operation.message.queue)
            busy = self._execute("SELECT 1 FROM deliveries WHERE queue = ? LIMIT 1", (queue,)).fetchone()
            if busy:
                return False
        # Fire has no way to hand a claim over, so it never makes one.
        self.enqueue(ops.Enqueue(replace(operation.message, claim_for=None)))
        return True

    # State ------------------------------------------------------------------------------------------

    def _state_row(self, scope: str, key: str, now_ms: int) -> tuple[bytes | None, int, int | None]:
        row = self._execute(
            "SELECT value, version, expires_at FROM state WHERE scope = ? AND key = ?", (scope, key)
        ).fetchone()
        if row is None or (row[2] is not None and row[2] <= now_ms):
            return None, 0, None
        return row[0], row[1], row[2]

    def _write_state(
        self,
        operation: ops.StatePut | ops.StateUpdate | ops.StateDelete,
        old: bytes | None,
        new: bytes | None,
        expires_at_ms: int | None,
    ) -> ops.StateResult:
        version = 0
        if new is None:
            self._execute("DELETE FROM state WHERE scope = ? AND key = ?", (operation.scope, operation.key))
        else:
            version = self.next_number()
            self._execute(
                "INSERT INTO state (scope, key, value, version, expires_at) VALUES (?,?,?,?,?)"
                " ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value,"
                " version = excluded.version, expires_at = excluded.expires_at",
                (operation.scope, operation.key, new, version, expires_at_ms),
            )
        if operation.deliveries and not (old is None and new is None):
            payload = ops.state_change_payload(
                encoding.encode(operation.scope), encoding.encode(operation.key), old, new
            )
            for delivery in operation.deliveries:
                self.enqueue(
                    ops.Enqueue(
                        NewMessage(
                            id=delivery.message_id,
                            queue=delivery.queue,
                            payload=payload,
                            trace=delivery.trace,
                            enqueued_at_ms=operation.now_ms,
                            due_at_ms=delivery.due_at_ms,
                        )
                    )
                )
        return ops.StateResult(old, new, version)

    def state_put(self, operation: ops.StatePut) -> ops.StateResult:
        old, _, _ = self._state_row(operation.scope, operation.key, operation.now_ms)
        return self._write_state(operation, old, operation.value, operation.expires_at_ms)

    def state_delete(self, operation: ops.StateDelete) -> ops.StateResult:
        old, _, _ = self._state_row(operation.scope, operation.key, operation.now_ms)
        return self._write_state(operation, old, None, None)

    def state_update(self, operation: ops.StateUpdate) -> ops.StateResult:
        old, _, expires_at_ms = self._state_row(operation.scope, operation.key, operation.now_ms)
        value = None if old is None else encoding.decode(old)
        changed = apply_update(value, operation.operations)
        new = None if changed is None else encoding.encode(changed)
        if operation.expires_at_ms is not None:
            expires_at_ms = operation.expires_at_ms
        return self._write_state(operation, old, new, expires_at_ms)

    def state_clear(self, operation: ops.StateClear) -> int:
        # What had expired was not there: it goes too, uncounted.
        self._execute(
            "DELETE FROM state WHERE scope = ? AND expires_at <= ?", (operation.scope, operation.now_ms)
        )
        self._execute("DELETE FROM state WHERE scope = ?", (operation.scope,))
        return self._connection.changes()

    def expire(self, operation: ops.Expire) -> int:
        self._execute(
            "DELETE FROM state WHERE (scope, key) IN"
            " (SELECT scope, key FROM state WHERE expires_at <= ? LIMIT ?)",
            (operation.now_ms, operation.limit),
        )
        return self._connection.changes()


def superseded() -> ConflictError:
    return ConflictError(
        "claim: expected to hold the newest token, got a superseded one: the message was given to another"
        " attempt because this one was late",
        code="claim.superseded",
        guard="claim_held",
    )


def claim_of(message: NewMessage, row: Sequence[Any]) -> Claim:
    """The claim of a message that was claimed as it was inserted."""
    return Claim(
        seq=row[0],
        id=message.id,
        queue=message.queue,
        token=1,
        payload=message.payload,
        trace=message.trace,
        enqueued_at_ms=message.enqueued_at_ms,
        attributes=message.attributes,
    )


def _claim_of_row(row: Sequence[Any]) -> Claim:
    return Claim(
        seq=row[0],
        id=row[1],
        queue=QueueName(row[2], row[3]),
        token=row[4],
        payload=row[5],
        trace=unpack_trace(row[6]),
        enqueued_at_ms=row[7],
        failures=row[8],
        crashes=row[9],
        group=row[10],
        attributes=row[11] or b"",
        errors=row[12] or b"",
        suspect=bool(row[13]),
    )


_APPLY: dict[type, Callable[[Transaction, Any], Any]] = {
    ops.Enqueue: Transaction.enqueue,
    ops.Settle: Transaction.settle,
    ops.StatePut: Transaction.state_put,
    ops.StateDelete: Transaction.state_delete,
    ops.StateUpdate: Transaction.state_update,
    ops.StateClear: Transaction.state_clear,
    ops.Fire: Transaction.fire,
    ops.ClaimReady: Transaction.claim_ready,
    ops.Unclaim: Transaction.unclaim,
    ops.PromoteDue: Transaction.promote_due,
    ops.RegisterNode: Transaction.register_node,
    ops.RecoverNode: Transaction.recover_node,
    ops.Redrive: Transaction.redrive,
    ops.PurgeDead: Transaction.purge_dead,
    ops.Expire: Transaction.expire,
}
