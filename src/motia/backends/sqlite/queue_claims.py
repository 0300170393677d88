"""Who runs a message: claims, what gives them back, and what makes messages ready."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from motia.backends.sqlite import workflow
from motia.backends.sqlite.claim_rows import COLUMNS, TAKE, claim_of_row
from motia.backends.sqlite.queue import settle
from motia.backends.sqlite.queue_lanes import claimed_count
from motia.backends.sqlite.queue_limits import let_all_return, take_within_limits, wake_rates
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import Claim, QueueName
from motia.core.workflow import RunId


def claim_ready(transaction: Transaction, operation: ops.ClaimReady) -> list[Claim]:
    wanted: dict[int, ops.WantedQueue] = {}
    for want in operation.wanted:
        known = transaction.known_queue_id(want.queue)
        if known is None or want.limit <= 0 or operation.max_bytes <= 0:
            continue
        if not transaction.is_paused(want.queue):
            wanted[known] = want
    suspect = _first_suspect(transaction, wanted)
    if suspect is not None:
        return [_take_suspect(transaction, operation.node, *suspect)]
    claims: list[Claim] = []
    room_bytes = operation.max_bytes
    for queue, want in wanted.items():
        limits = want.limits
        if limits.concurrency is not None:
            free = limits.concurrency - claimed_count(transaction, queue)
            want = replace(want, limit=min(want.limit, free))
        if want.limit <= 0 or room_bytes <= 0:
            continue
        if limits.key_concurrency is None and limits.rate is None:
            let_all_return(transaction, queue)
            taken = _take(transaction, operation.node, queue, want.queue, want.limit, room_bytes)
        else:
            taken = take_within_limits(
                transaction,
                queue,
                want,
                node=operation.node,
                room_bytes=room_bytes,
                now_ms=operation.now_ms,
            )
        room_bytes -= sum(len(claim.payload) for claim in taken)
        claims += taken
    # What was let return and not taken waits before what is new.
    transaction.forget_backlog()
    return claims


def _first_suspect(
    transaction: Transaction, wanted: dict[int, ops.WantedQueue]
) -> tuple[int, QueueName] | None:
    for seq, queue in transaction.execute(
        "SELECT seq, queue FROM deliveries WHERE suspect = 1 AND state = 0 ORDER BY seq"
    ):
        if queue in wanted:
            return seq, wanted[queue].queue
    return None


def _take_suspect(transaction: Transaction, node: bytes, seq: int, name: QueueName) -> Claim:
    transaction.execute(TAKE, (node, seq))
    row = transaction.execute(f"SELECT {COLUMNS} FROM deliveries d WHERE d.seq = ?", (seq,)).fetchone()
    assert row is not None
    return claim_of_row(row, name)


def _take(
    transaction: Transaction, node: bytes, queue: int, name: QueueName, limit: int, room_bytes: int
) -> list[Claim]:
    claims: list[Claim] = []
    # Read row by row: a thousand payloads of a megabyte must not be loaded to keep sixteen of them.
    for row in transaction.execute(
        f"SELECT {COLUMNS} FROM deliveries d WHERE d.queue = ? AND d.state = 0"
        " ORDER BY d.rank, d.seq LIMIT ?",
        (queue, limit),
    ):
        claim = claim_of_row(row, name)
        room_bytes -= len(claim.payload)
        claims.append(claim)
        if room_bytes <= 0:
            break
    transaction.connection.executemany(TAKE, [(node, claim.seq) for claim in claims])
    for claim in claims:
        claim.token += 1
    return claims


def unclaim(transaction: Transaction, operation: ops.Unclaim) -> int:
    returned = 0
    for claim in operation.claims:
        transaction.execute(
            "UPDATE deliveries SET state = 0, claimed_by = NULL"
            " WHERE seq = ? AND id = ? AND token = ? AND state = 3",
            (claim.seq, claim.id, claim.token),
        )
        if transaction.connection.changes():
            returned += 1
            transaction.note_ready(transaction.queue_id(claim.queue))
    return returned


def promote_due(transaction: Transaction, operation: ops.PromoteDue) -> int:
    transaction.execute(
        "UPDATE deliveries SET state = 0 WHERE seq IN"
        " (SELECT seq FROM deliveries WHERE state = 1 AND due_at <= ? ORDER BY due_at LIMIT ?)",
        (operation.now_ms, operation.limit),
    )
    count = transaction.connection.changes()
    if count:
        transaction.forget_backlog()
        transaction.made_ready = True
    return count + wake_rates(transaction, operation.now_ms)


def register_node(transaction: Transaction, operation: ops.RegisterNode) -> None:
    transaction.execute(
        "INSERT OR REPLACE INTO nodes (id, pid, lock_path, started_at) VALUES (?,?,?,?)",
        (operation.node, operation.pid, operation.lock_path, operation.started_at_ms),
    )


def recover_node(transaction: Transaction, operation: ops.RecoverNode) -> int:
    rows: list[Any] = transaction.execute(
        f"SELECT {COLUMNS}, q.topic, q.step FROM deliveries d JOIN queues q ON q.id = d.queue"
        " WHERE d.state = 3 AND d.claimed_by = ?",
        (operation.node,),
    ).fetchall()
    claims = [claim_of_row(row, QueueName(*row[-2:])) for row in rows]
    for claim in claims:
        ran = operation.running is None or (claim.seq, claim.id) in operation.running
        if ran and operation.buries(claim.crashes, suspect=claim.suspect):
            run = RunId(claim.id, claim.queue.step)
            undoing, has_done = workflow.undo_state(transaction, run)
            undoes = undoing or has_done
            if operation.buries(claim.crashes, suspect=claim.suspect, undoing=undoes):
                transaction.execute("UPDATE deliveries SET crashes = crashes + 1 WHERE seq = ?", (claim.seq,))
                died = ops.Died("worker.crashed", operation.error, claim.failures, operation.now_ms)
                settle(transaction, ops.Settle(claim, died))
                continue
            if not undoing:
                workflow.begin_undo(transaction, run, claim.seq, operation.now_ms, operation.error)
        transaction.execute(
            "UPDATE deliveries SET state = 0, claimed_by = NULL, crashes = crashes + ?1,"
            " suspect = max(suspect, ?1) WHERE seq = ?2",
            (int(ran), claim.seq),
        )
        transaction.note_ready(transaction.queue_id(claim.queue))
    transaction.execute("DELETE FROM cancellations WHERE node = ?", (operation.node,))
    transaction.execute("DELETE FROM nodes WHERE id = ?", (operation.node,))
    return len(claims)
