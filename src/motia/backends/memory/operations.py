"""What each operation means, over plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from motia import encoding
from motia.backends.memory.journal import Journal
from motia.backends.memory.state_operations import StateOperations
from motia.backends.memory.store import Delivery, MemoryStore, Standing
from motia.core import batch as ops
from motia.core.message import Claim, DeadLetter, NewMessage, QueueName
from motia.errors import ConflictError, InternalError


class Operations:
    """Applies one batch at a time to a store. Nothing here waits, so nothing comes between two operations."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._journal = Journal()
        self._state = StateOperations(store, self._journal)
        self.made_ready = False
        """The last batch left a message for any node to take."""

    def apply(self, batch: ops.Batch) -> list[Any]:
        """One result an operation. Whatever is raised, the store is then as it was before."""
        self.made_ready = False
        try:
            for guard in batch.guards:
                self._check(guard)
            results = [self._apply_one(operation) for operation in batch.operations]
        except BaseException:
            self._journal.take_back()
            self.made_ready = False
            raise
        self._journal.keep()
        return results

    def _apply_one(self, operation: ops.Operation) -> Any:
        if isinstance(operation, ops.StatePut | ops.StateDelete | ops.StateUpdate):
            result = self._state.change(operation)
            for message in _triggered(operation, result):
                self.enqueue(ops.Enqueue(message))
            return result
        run = _APPLY.get(type(operation))
        if run is None:
            raise InternalError(
                f"batch: expected an operation, got {type(operation).__name__}", code="internal.operation"
            )
        return run(self, operation)

    def _check(self, guard: ops.Guard) -> None:
        if isinstance(guard, ops.StateVersion):
            self._state.check(guard)
        else:
            self._held(guard.seq, guard.id, guard.token)

    def _held(self, seq: int, id_: bytes, token: int) -> Delivery:
        for table in self._store.deliveries.values():
            found = table.get(seq)
            if found is not None:
                held = (found.id, found.token, found.standing) == (id_, token, Standing.CLAIMED)
                if held:
                    return found
                break
        raise ConflictError(
            "claim: expected to hold the newest token, got a superseded one: the message was given to"
            " another attempt because this one was late",
            code="claim.superseded",
            guard="claim_held",
        )

    # Deliveries ---------------------------------------------------------------------------------------

    def _put(self, delivery: Delivery) -> None:
        if delivery.queue not in self._store.deliveries:
            self._journal.put(self._store.deliveries, delivery.queue, {})
        self._journal.put(self._store.deliveries[delivery.queue], delivery.seq, delivery)
        self.made_ready = self.made_ready or delivery.standing is Standing.READY

    def _take_out(self, delivery: Delivery) -> None:
        """The delivery is over; the next of its group takes its place."""
        self._journal.remove(self._store.deliveries[delivery.queue], delivery.seq)
        self._journal.remove(self._store.seq_of, (delivery.id, delivery.queue))
        if delivery.group is None:
            return
        for other in self._store.in_order([delivery.queue]):
            if other.group == delivery.group:
                if other.standing is Standing.BLOCKED:
                    standing = Standing.READY if other.due_at_ms is None else Standing.SCHEDULED
                    self._put(replace(other, standing=standing))
                return

    def _of(self, queue: QueueName) -> dict[int, Delivery]:
        return self._store.deliveries.get(queue, {})

    def enqueue(self, operation: ops.Enqueue) -> Claim | None:
        message = operation.message
        if (message.id, message.queue) in self._store.seq_of:
            return None
        others = self._of(message.queue).values()
        if message.group is not None and any(other.group == message.group for other in others):
            standing = Standing.BLOCKED
        elif message.due_at_ms is not None:
            standing = Standing.SCHEDULED
        elif message.claim_for is None or message.group is not None:
            standing = Standing.READY
        else:
            waits = any(other.standing is Standing.READY for other in others)
            standing = Standing.READY if waits else Standing.CLAIMED
        claimed = standing is Standing.CLAIMED
        delivery = Delivery(
            seq=self._store.next_number(),
            id=message.id,
            queue=message.queue,
            standing=standing,
            payload=message.payload,
            trace=message.trace,
            enqueued_at_ms=message.enqueued_at_ms,
            due_at_ms=message.due_at_ms,
            group=message.group,
            attributes=message.attributes,
            holder=message.claim_for if claimed else None,
            token=int(claimed),
        )
        self._journal.put(self._store.seq_of, (message.id, message.queue), delivery.seq)
        self._put(delivery)
        return claim_of(delivery) if claimed else None

    def settle(self, operation: ops.Settle) -> None:
        claim, settlement = operation.claim, operation.settlement
        delivery = self._held(claim.seq, claim.id, claim.token)
        if isinstance(settlement, ops.Completed):
            self._take_out(delivery)
        elif isinstance(settlement, ops.Died):
            self._bury(replace(delivery, failures=settlement.failures), settlement)
        else:
            errors = [text for text in (delivery.errors, settlement.error) if text]
            self._put(
                replace(
                    delivery,
                    standing=Standing.READY if settlement.due_at_ms is None else Standing.SCHEDULED,
                    due_at_ms=settlement.due_at_ms,
                    failures=settlement.failures,
                    errors=b"\n".join(errors),
                    holder=None,
                    suspect=False,
                )
            )

    def _bury(self, delivery: Delivery, death: ops.Died) -> None:
        letter = DeadLetter(
            seq=self._store.next_number(),
            id=delivery.id,
            queue=delivery.queue,
            payload=delivery.payload,
            code=death.code,
            error=death.error,
            errors=delivery.errors,
            failures=delivery.failures,
            crashes=delivery.crashes,
            enqueued_at_ms=delivery.enqueued_at_ms,
            died_at_ms=death.at_ms,
            trace=delivery.trace,
            group=delivery.group,
            attributes=delivery.attributes,
        )
        self._journal.put(self._store.dead, letter.seq, letter)
        self._take_out(delivery)

    # Claims -------------------------------------------------------------------------------------------

    def claim_ready(self, operation: ops.ClaimReady) -> list[Claim]:
        wanted = [want for want in operation.wanted if want.limit > 0]
        if operation.max_bytes <= 0:
            return []
        waiting = [d for d in self._store.in_order(w.queue for w in wanted) if d.standing is Standing.READY]
        suspects = [delivery for delivery in waiting if delivery.suspect]
        if suspects:
            return [self._claim(min(suspects, key=lambda delivery: delivery.seq), operation.node)]
        claims: list[Claim] = []
        room_bytes = operation.max_bytes
        for want in wanted:
            limit = want.limit
            if want.concurrency is not None:
                limit = min(limit, want.concurrency - self._claimed_count(want.queue))
            for delivery in waiting:
                if limit <= 0 or room_bytes <= 0:
                    break
                if delivery.queue == want.queue:
                    claims.append(self._claim(delivery, operation.node))
                    limit -= 1
                    room_bytes -= len(delivery.payload)
        return claims

    def _claim(self, delivery: Delivery, node: bytes) -> Claim:
        held = replace(delivery, standing=Standing.CLAIMED, holder=node, token=delivery.token + 1)
        self._put(held)
        return claim_of(held)

    def _claimed_count(self, queue: QueueName) -> int:
        return sum(delivery.standing is Standing.CLAIMED for delivery in self._of(queue).values())

    def unclaim(self, operation: ops.Unclaim) -> int:
        returned = 0
        for claim in operation.claims:
            delivery = self._of(claim.queue).get(claim.seq)
            if delivery is None or (delivery.token, delivery.standing) != (claim.token, Standing.CLAIMED):
                continue
            self._put(replace(delivery, standing=Standing.READY, holder=None))
            returned += 1
        return returned

    def promote_due(self, operation: ops.PromoteDue) -> int:
        due = [
            (delivery.due_at_ms, delivery.seq, delivery)
            for delivery in self._store.in_order(self._store.deliveries)
            if delivery.standing is Standing.SCHEDULED
            and delivery.due_at_ms is not None
            and delivery.due_at_ms <= operation.now_ms
        ]
        chosen = sorted(due)[: operation.limit]
        for _, _, delivery in chosen:
            self._put(replace(delivery, standing=Standing.READY, due_at_ms=None))
        return len(chosen)

    # Nodes --------------------------------------------------------------------------------------------

    def register_node(self, operation: ops.RegisterNode) -> None:
        self._journal.put(self._store.nodes, operation.node, (operation.pid, operation.lock_path))

    def recover_node(self, operation: ops.RecoverNode) -> int:
        held = [d for d in self._store.in_order(self._store.deliveries) if d.holder == operation.node]
        for delivery in held:
            ran = operation.running is None or (delivery.seq, delivery.id) in operation.running
            crashes = delivery.crashes + int(ran)
            if ran and crashes >= operation.max_crashes:
                death = ops.Died("worker.crashed", operation.error, delivery.failures, operation.now_ms)
                self._bury(replace(delivery, crashes=crashes), death)
            else:
                self._put(
                    replace(
                        delivery,
                        standing=Standing.READY,
                        holder=None,
                        crashes=crashes,
                        suspect=delivery.suspect or ran,
                    )
                )
        if operation.node in self._store.nodes:
            self._journal.remove(self._store.nodes, operation.node)
        return len(held)

    # Dead letters and schedules -----------------------------------------------------------------------

    def _dead(self, operation: ops.Redrive | ops.PurgeDead) -> Iterator[DeadLetter]:
        found = 0
        for seq in sorted(self._store.dead):
            letter = self._store.dead[seq]
            if operation.queue is not None and letter.queue != operation.queue:
                continue
            if operation.ids is not None and letter.id not in operation.ids:
                continue
            before_ms = operation.died_before_ms if isinstance(operation, ops.PurgeDead) else None
            if before_ms is not None and letter.died_at_ms >= before_ms:
                continue
            found += 1
            if found > operation.limit:
                return
            yield letter

    def redrive(self, operation: ops.Redrive) -> int:
        letters = list(self._dead(operation))
        for letter in letters:
            self._journal.remove(self._store.dead, letter.seq)
            message = NewMessage(
                id=letter.id,
                queue=letter.queue,
                payload=letter.payload,
                trace=letter.trace,
                enqueued_at_ms=letter.enqueued_at_ms,
                group=letter.group,
                attributes=letter.attributes,
            )
            self.enqueue(ops.Enqueue(message))
        return len(letters)

    def purge_dead(self, operation: ops.PurgeDead) -> int:
        letters = list(self._dead(operation))
        for letter in letters:
            self._journal.remove(self._store.dead, letter.seq)
        return len(letters)

    def fire(self, operation: ops.Fire) -> bool:
        fired_at_ms = self._store.schedules.get(operation.key)
        if fired_at_ms is not None and operation.at_ms <= fired_at_ms:
            return False
        self._journal.put(self._store.schedules, operation.key, operation.at_ms)
        if operation.only_if_idle and self._of(operation.message.queue):
            return False
        # Fire has no way to hand a claim over, so it never makes one.
        self.enqueue(ops.Enqueue(replace(operation.message, claim_for=None)))
        return True

    def state_clear(self, operation: ops.StateClear) -> int:
        return self._state.clear(operation)

    def expire(self, operation: ops.Expire) -> int:
        return self._state.expire(operation)


def claim_of(delivery: Delivery) -> Claim:
    return Claim(
        seq=delivery.seq,
        id=delivery.id,
        queue=delivery.queue,
        token=delivery.token,
        payload=delivery.payload,
        trace=delivery.trace,
        enqueued_at_ms=delivery.enqueued_at_ms,
        failures=delivery.failures,
        crashes=delivery.crashes,
        group=delivery.group,
        attributes=delivery.attributes,
        errors=delivery.errors,
        suspect=delivery.suspect,
    )


def _triggered(
    operation: ops.StatePut | ops.StateDelete | ops.StateUpdate, result: ops.StateResult
) -> Iterator[NewMessage]:
    """The messages of the state triggers: none if there was nothing and is nothing."""
    if not operation.deliveries or (result.old is None and result.new is None):
        return
    scope, key = encoding.encode(operation.scope), encoding.encode(operation.key)
    payload = ops.state_change_payload(scope, key, result.old, result.new)
    for delivery in operation.deliveries:
        yield NewMessage(
            id=delivery.message_id,
            queue=delivery.queue,
            payload=payload,
            trace=delivery.trace,
            enqueued_at_ms=operation.now_ms,
            due_at_ms=delivery.due_at_ms,
        )


_APPLY: dict[type, Callable[[Operations, Any], Any]] = {
    ops.Enqueue: Operations.enqueue,
    ops.Settle: Operations.settle,
    ops.StateClear: Operations.state_clear,
    ops.Fire: Operations.fire,
    ops.ClaimReady: Operations.claim_ready,
    ops.Unclaim: Operations.unclaim,
    ops.PromoteDue: Operations.promote_due,
    ops.RegisterNode: Operations.register_node,
    ops.RecoverNode: Operations.recover_node,
    ops.Redrive: Operations.redrive,
    ops.PurgeDead: Operations.purge_dead,
    ops.Expire: Operations.expire,
}
