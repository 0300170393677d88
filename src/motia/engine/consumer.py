"""Takes messages for this node, starts them within its bounds and settles them.

    claim-on-insert ─┐
    ClaimReady ──────┴─► held (by queue) ─► running ─► decide ─► Settle

Held messages go back uncharged when the node drains. A suspect runs alone: see `suspects.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from motia.core.batch import Batch, ClaimReady, Unclaim
from motia.core.clock import Timer
from motia.core.invocation import Outcome, Released
from motia.core.message import Claim, NewMessage, NodeId, QueueName
from motia.core.wording import counted
from motia.engine.deadlines import stop
from motia.engine.execution import Execution
from motia.engine.flow_control import short_of_places, wanted_of
from motia.engine.held import Held
from motia.engine.run import QueuePlan, Run, plan_of
from motia.engine.suspects import Suspects
from motia.errors import BackendError
from motia.queue.transitions import Decision

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_ANSWER_S = 0.25
"""How long after the grace a runtime may tell by itself that a handler did not stop."""
_RETRY_AFTER_S = 0.5
"""How soon storage that refused is asked again."""


class Consumer:
    """A `Service`: from `start` on, messages of the registry's queues run here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[Run, None] = {}
        self.settling = 0
        """How many of them wait for storage alone."""
        self._plans: dict[QueueName, QueuePlan] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._fetch_again = False
        self.taking = False
        """This node takes messages: until it drains."""
        self._suspects = Suspects(engine.clock, engine.settings.queue.max_crashes, self._suspects_opened)
        self._held = Held(engine, self._suspects, self._pump)
        self.backlog_seen = False
        """The last look found as many messages as this node could take: there are probably more."""
        self._short_of_places = False
        """The last look left messages that start when they are claimed, for want of places to run them."""
        self._timer: Timer | None = None
        self._look_wanted = False
        """A look was asked for while this node held enough."""
        self._idle = asyncio.Event()

    # Lifecycle --------------------------------------------------------------------------------------

    async def start(self) -> None:
        if self.taking:
            return
        self.taking = True
        self._engine.backend.on_work(self.wake)
        self.wake()

    async def stop(self) -> None:
        """Take nothing more and give back what has not started. What runs goes on; see `wait_idle`."""
        self.taking = False
        if self._timer is not None:
            self._timer.cancel()
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        held = self._held.take_all()
        if held:
            try:
                await self._engine.backend.commit(Batch((Unclaim(held),)))
            except BackendError as error:
                # What runs is waited for all the same; what is held goes back when this process ends.
                self._engine.report(
                    f"{counted(len(held), 'message')} could not be given back, and will be when this process"
                    f" has ended: {error}"
                )

    async def wait_idle(self, limit_s: float) -> bool:
        """Whether everything that ran has ended, or was given up, within `limit_s`."""
        self._idle.clear()
        timer = self._engine.clock.call_later(limit_s, self._idle.set)
        while self._busy() and not self._idle.is_set():
            await self._idle.wait()
        timer.cancel()
        return not self._busy()

    def _busy(self) -> bool:
        return any(run.busy for run in self._running)

    async def release_running(self, grace_s: float) -> None:
        """Interrupt what still runs and give it back uncharged, also what swallows the interruption."""
        if not self._busy():
            return
        for run in self._running:
            if run.execution is not None and not run.execution.given_up:
                stop(run.execution, "drained")
        await self.wait_idle(grace_s + _ANSWER_S)
        for run in list(self._running):
            execution = run.execution
            if execution is None or execution.ended or execution.settled:
                continue
            execution.ended = execution.given_up = True
            self.give_up(execution, Released())

    def stop_cancelled(self, cancelled: frozenset[tuple[int, int]]) -> None:
        """These claims (seq, token) were cancelled: what runs of them is interrupted, what is held goes."""
        for run in list(self._running):
            others = [one for one in run.claims if (one.seq, one.token) not in cancelled]
            execution = run.execution
            if len(others) == len(run.claims) or execution is None or execution.ended:
                continue
            # Its end is stored already; what it still writes is refused.
            execution.settled = True
            self._engine.deadlines.cancel(execution)
            if others:
                self._give_back_soon(others)
        self._let_go(lambda claim: (claim.seq, claim.token) in cancelled)

    async def give_back(self, paused: Callable[[QueueName], bool]) -> None:
        """Give back what is held of some queues and has not started."""
        claims = self._let_go(lambda claim: paused(claim.queue))
        if claims:
            await self._engine.backend.commit(Batch((Unclaim(claims),)))

    def _let_go(self, wanted: Callable[[Claim], bool]) -> list[Claim]:
        blocked = self._suspects.blocking
        claims = self._held.take_out(wanted)
        if blocked and not self._suspects.blocking:
            self._suspects_opened()
        return claims

    def _give_back_soon(self, claims: Sequence[Claim]) -> None:
        self._engine.background(self._engine.backend.commit(Batch((Unclaim(claims),))))

    def known_claims(self) -> set[tuple[int, int]]:
        """What this node holds or runs, by its own books: seq and token."""
        running = [one for run in self._running for one in run.claims]
        return {(one.seq, one.token) for one in (*self._held.all(), *running)}

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def held(self) -> int:
        return self._held.count

    # Taking -----------------------------------------------------------------------------------------

    def target(self) -> NodeId | None:
        """The node id, while a new message may be claimed as it is stored; else None."""
        settings = self._engine.settings.queue
        if (
            not self.taking
            or self._held.count + len(self._running) >= settings.claim_ahead
            or self._held.size_bytes >= settings.claim_ahead_bytes
            or self._suspects.blocking
        ):
            return None
        return self._engine.node_id

    @property
    def _places(self) -> int:
        """How many more messages could start now, or as soon as what has ended is stored."""
        busy = len(self._running) - self.settling
        return self._engine.settings.queue.concurrency - busy - self._held.count

    @property
    def _places_to_fill(self) -> int:
        """Of which one is kept free from others while messages wait for it that start when claimed."""
        kept = self._short_of_places and len(self._running) < self._engine.settings.queue.concurrency
        return max(self._places, int(kept))

    def has_place(self) -> bool:
        """Whether one more message could start at once."""
        return self._places > 0

    def leave_to_others(self, messages: Iterable[NewMessage]) -> None:
        """Of messages that one commit stores, let this node claim no more than it has room for."""
        settings = self._engine.settings.queue
        takes = self.target() is not None
        room = settings.claim_ahead - self._held.count - len(self._running) if takes else 0
        room_bytes = settings.claim_ahead_bytes - self._held.size_bytes
        places, now_ms = self._places, self._engine.clock.now_ms()
        for message in messages:
            if message.claim_for is not None and self._starts_when_claimed(message.queue):
                # A rate counts the start from when the message was made: a block may have taken its time.
                if places <= 0 or message.enqueued_at_ms < now_ms:
                    message.claim_for = None
                places -= 1
            if room <= 0 or room_bytes <= 0:
                message.claim_for = None
            elif message.claim_for is not None:
                room -= 1
                room_bytes -= len(message.payload)

    def accept(self, claim: Claim) -> None:
        """Run a message that was claimed as it was stored."""
        plan = self._plans.get(claim.queue)
        # Nothing is to be asked of a new message where there is room and it waits for no others.
        starts = (
            self.taking
            and plan is not None
            and plan.entry.policy.batch is None
            and len(self._running) + self._short_of_places < self._engine.settings.queue.concurrency
            and not self._held.in_turn
            and not self._suspects.blocking
        )
        others_were_quicker = not starts and self._places <= 0 and self._starts_when_claimed(claim.queue)
        if others_were_quicker or not self.taking:
            self._give_back_soon((claim,))
            return
        if self._engine.recorder.listened:
            self._engine.telling.claimed(claim)
        if starts:
            self._run(claim)
        else:
            self._held.add(claim)
            self._pump()

    def _starts_when_claimed(self, queue: QueueName) -> bool:
        entry = self._engine.registry.queues.get(queue)
        return entry is not None and entry.policy.starts_when_claimed

    def wake(self) -> None:
        """There may be messages to take."""
        if not self.taking:
            return
        if self._fetching is not None:
            self._fetch_again = True
            return
        enough = self._holds_enough and not self._short_of_places
        self._look_wanted = enough
        if not enough:
            self._fetching = asyncio.ensure_future(self._fetch())

    @property
    def _holds_enough(self) -> bool:
        return self._held.count * 2 >= self._engine.settings.queue.claim_ahead

    async def _fetch(self) -> None:
        settings = self._engine.settings.queue
        delay_s: float | None = None
        try:
            while self.taking:
                self._fetch_again = False
                room = settings.claim_ahead - self._held.count
                entries = self._engine.registry.queues.values()
                wanted = wanted_of(entries, room=room, places=self._places_to_fill)
                if room <= 0 or not wanted or self._suspects.blocking:
                    self._short_of_places = False
                    self._pump()
                    break
                operation = ClaimReady(
                    node=self._engine.node_id,
                    wanted=wanted,
                    max_bytes=settings.claim_ahead_bytes - self._held.size_bytes,
                    now_ms=self._engine.clock.now_ms(),
                )
                (claims,) = await self._engine.backend.commit(Batch((operation,)))
                self.backlog_seen = len(claims) >= room
                self._short_of_places = short_of_places(wanted, room, claims)
                self._hold(claims)
                self._pump()
                if any(want.limits.rate is not None for want in wanted):
                    # A rate that was used up says by now when it has room again.
                    self._engine.due_sooner(0.0)
                # A suspect comes by itself, whatever else is ready.
                again = self._fetch_again or self.backlog_seen or (claims and claims[0].suspect)
                if not again and not (self._short_of_places and self._places_to_fill):
                    break
        except Exception as error:
            self._engine.report(f"claiming messages failed: {error}")
            delay_s = _RETRY_AFTER_S
        finally:
            self._fetching = None
        if delay_s is not None and self.taking:
            self._timer = self._engine.clock.call_later(delay_s, self.wake)

    def _hold(self, claims: Sequence[Claim]) -> None:
        if claims and not self.taking:
            self._give_back_soon(claims)
            return
        listened = self._engine.recorder.listened
        for claim in claims:
            if listened:
                self._engine.telling.claimed(claim)
            self._held.add(claim)

    def _suspects_opened(self) -> None:
        self._pump()
        self.wake()

    def _pump(self) -> None:
        """Start held messages, one of each queue in turn, up to the node's concurrency."""
        held, suspects, running = self._held, self._suspects, self._running
        if suspects.held and not self._busy():
            self._run(held.take_suspect())
        limit = self._engine.settings.queue.concurrency
        while held.first and len(running) < limit and not suspects.blocking:
            self._run(held.take(first=True))
        limit -= int(self._short_of_places)
        while held.in_turn and len(running) < limit and not suspects.blocking:
            self._run(held.take(first=False))

    # Running ----------------------------------------------------------------------------------------

    def _run(self, claim: Claim) -> None:
        plan = self._plans.get(claim.queue)
        if plan is None and (entry := self._engine.registry.queues.get(claim.queue)) is not None:
            plan = plan_of(entry, self._engine.settings.queue.handler_timeout_s)
            self._plans[claim.queue] = plan
        run = Run(self._engine, claim, plan)
        self._running[run] = None
        run.start()

    def steps_replaced(self) -> None:
        """The registry is another one: what starts from now on follows its policies."""
        self._plans.clear()
        self.wake()

    def ended(self, run: Run) -> None:
        """All of a run is stored and told."""
        del self._running[run]
        self.settling -= run.settling
        if run.claim.suspect:
            self._suspects.ended(run.claim)
        if not self.taking and not self._busy():
            self._idle.set()
        if self._held.in_turn or self._held.first or self._suspects.held:
            self._pump()
        if self.taking:
            self._after_run(run)

    def give_up(self, execution: Execution, outcome: Outcome) -> Decision | None:
        """End an execution whose handler goes on; what becomes of its message, if it has one."""
        run = next((run for run in self._running if run.execution is execution), None)
        if run is None or execution.settled:
            return None
        decision = run.decide(outcome)
        self._engine.background(run.settle_for(decision, outcome))
        self._suspects.ended(run.claim)
        if self._suspects.held:
            # What was given up keeps nobody waiting.
            self._pump()
        return decision

    def _after_run(self, run: Run) -> None:
        """Look for more where this node may have left some behind: after a suspect, in queues whose limit
        this message used up, and when what it holds runs low."""
        claim = run.claim
        limited = run.plan is not None and (
            run.plan.entry.policy.concurrency is not None or claim.group is not None
        )
        low = (self.backlog_seen or self._look_wanted) and self._fetching is None and not self._holds_enough
        if claim.suspect or limited or low or self._short_of_places:
            self.wake()
