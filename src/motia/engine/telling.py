"""What the engine tells of messages and executions: events, the author's log lines, one span an execution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Died, Ended, Rescheduled
from motia.core.calls import Part, StateWrite, StateWritten
from motia.core.ids import format_id
from motia.core.invocation import Failed, Invocation, Outcome
from motia.core.message import Claim, NewMessage, TraceContext
from motia.core.wording import counted
from motia.engine.outcomes import describe, error_of, stack_data, status_of
from motia.engine.recorded import details_of
from motia.engine.replies import told
from motia.http.response import HttpResponse
from motia.queue.transitions import Decision
from motia.tracing.record import Identifiers
from motia.tracing.recorder import Recorder

if TYPE_CHECKING:
    from motia.engine.execution import Execution

REPLACES = "replaces"
"""Attribute of a message that was sent in place of a dead letter: the id of that."""


class Telling:
    """Puts what happened into the recorder. Events alone are told where `recorder.listened` says so."""

    __slots__ = ("_detailed", "_recorder", "_spans")

    def __init__(self, recorder: Recorder, *, spans: bool, detailed: bool) -> None:
        self._recorder = recorder
        self._spans = spans
        self._detailed = detailed

    def enqueued(self, messages: Sequence[NewMessage]) -> None:
        for message in messages:
            self._recorder.event("message.enqueued", **_message_fields(message))

    def claimed(self, claim: Claim) -> None:
        self._recorder.event("message.claimed", **_message_fields(claim), attempt=claim.attempt)

    def state_changed(self, invocation: Invocation, write: StateWrite, written: StateWritten) -> None:
        if write.kind == "clear" or (written.old is None and written.new is None):
            return
        change = "created" if written.old is None else "deleted" if written.new is None else "updated"
        self._recorder.event(
            "state.changed",
            scope=write.scope,
            key=write.key,
            change=change,
            version=written.version,
            trace_id=invocation.trace.trace_id,
        )

    def settled(self, claim: Claim, decision: Decision) -> None:
        settlement = decision.settlement
        fields = _message_fields(claim)
        if isinstance(settlement, Died):
            self._recorder.event(
                "message.dead_lettered",
                **fields,
                code=settlement.code,
                attempts=settlement.failures + claim.crashes,
            )
        due_at_ms = settlement.due_at_ms if isinstance(settlement, Rescheduled) else None
        self._recorder.event("message.settled", **fields, outcome=decision.verdict, due_at_ms=due_at_ms)

    def failed(self, claim: Claim, outcome: Outcome, decision: Decision) -> None:
        """Tell the author what failed, with the stack of their own lines, and what happens next."""
        next_ = (
            "is dead-lettered" if decision.verdict == "dead" else f"runs again in {decision.retry_in_s:.1f} s"
        )
        what = describe(outcome)
        hint = f" ({outcome.error.hint})" if isinstance(outcome, Failed) and outcome.error.hint else ""
        self._recorder.log(
            "error",
            f"{what}{hint}; attempt {claim.attempt} failed, the message {next_}",
            step=claim.queue.step,
            trace_id=claim.trace.trace_id,
            data=stack_data(outcome),
        )

    def buried(self, claim: Claim, what: str) -> None:
        """Tell the author of a message that died with the last process it may take down."""
        self._recorder.log(
            "error",
            f"{what}; attempt {claim.attempt} failed, the message is dead-lettered",
            step=claim.queue.step,
            trace_id=claim.trace.trace_id,
        )

    def expired(self, late: Iterable[Claim | Ended]) -> None:
        """Tell the author what ended before it could start: a line a step, with the first message's trace."""
        by_step: dict[str, list[Claim | Ended]] = {}
        for one in late:
            by_step.setdefault(one.queue.step, []).append(one)
        for step, (first, *others) in by_step.items():
            more = f", and {counted(len(others), 'more message')}" if others else ""
            self._recorder.log(
                "warning",
                f"message {format_id(first.id)}{more} expired before the start",
                step=step,
                trace_id=first.trace.trace_id,
            )

    def execution_ended(
        self,
        execution: Execution,
        outcome: Outcome,
        started_ms: int,
        duration_s: float,
        *,
        parent: str = "",
        verdict: str = "",
        response: HttpResponse | None = None,
    ) -> None:
        """One span an execution."""
        if not self._spans:
            return
        invocation = execution.invocation
        claim = invocation.claim
        recorder, trace = self._recorder, invocation.trace
        http_status = None if response is None else response.status
        well = outcome.kind == "succeeded" and (http_status is None or http_status < 400)
        status = "ok" if well else status_of(outcome, http_status)
        if recorder.listened:
            recorder.event(
                "invocation.ended",
                step=invocation.step.name,
                trace_id=trace.trace_id,
                span_id=trace.span_id,
                kind=invocation.occurrence.kind,
                attempt=invocation.attempt,
                status=status,
                duration_us=int(duration_s * 1e6),
                code=None if outcome.kind == "succeeded" else error_of(outcome)["code"],
            )
        if well and not (claim or parent or execution.led_on or self._detailed):
            recorder.lone_span(
                trace.trace_id,
                trace.span_id,
                invocation.step.name,
                invocation.occurrence.kind,
                started_ms,
                int(duration_s * 1e6),
            )
            return
        attributes: dict[str, Any] | None = None
        if claim is not None:
            attributes = Identifiers(topic=claim.queue.topic, message_id=claim.id.hex(), verdict=verdict)
            if claim.attributes and REPLACES.encode() in claim.attributes:
                attributes[REPLACES] = encoding.decode(claim.attributes).get(REPLACES)
        if self._detailed or outcome.kind in ("failed", "timed_out") or status == "error":
            attributes = {
                **(attributes or {}),
                **details_of(invocation, outcome, response, whole=self._detailed),
            }
            if execution.notes is not None and execution.notes.notes:
                attributes["calls"] = execution.notes.notes
                attributes["calls_left_out"] = execution.notes.left_out
                if execution.notes.given:
                    attributes["given"] = execution.notes.given
        recorder.span(
            trace.trace_id,
            trace.span_id,
            parent_id=parent or None,
            name=invocation.step.name,
            kind=invocation.occurrence.kind,
            started_at_ms=started_ms,
            duration_us=int(duration_s * 1e6),
            queue_wait_us=0 if claim is None else max(0, started_ms - claim.ready_at_ms) * 1000,
            attempt=invocation.attempt,
            status=status,
            error=None if well else error_of(outcome, http_status),
            attributes=attributes,
        )

    def part_ended(self, trace: TraceContext, part: Part, span_id: str) -> None:
        """A span below that of the execution."""
        if not self._spans:
            return
        error = None if part.error is None else {**told(part.error), "stack": ""}
        self._recorder.span(
            trace.trace_id,
            span_id,
            parent_id=trace.span_id,
            name=part.name,
            kind=part.kind,
            started_at_ms=part.started_at_ms,
            duration_us=(part.ended_at_ms - part.started_at_ms) * 1000,
            status="ok" if error is None else "error",
            error=error,
            attributes=Identifiers(part.attributes),
        )


def _message_fields(message: NewMessage | Claim) -> dict[str, Any]:
    return {
        "topic": message.queue.topic,
        "step": message.queue.step,
        "message_id": format_id(message.id),
        "trace_id": message.trace.trace_id,
    }
