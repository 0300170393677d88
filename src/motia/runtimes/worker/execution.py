"""One execution in a worker, from the call that started it to its outcome."""

from __future__ import annotations

import asyncio
from typing import Any

from motia.core.calls import Calls
from motia.core.invocation import (
    Cancelled,
    Crashed,
    Failed,
    Invocation,
    Outcome,
    Released,
    Succeeded,
    TimedOut,
)
from motia.errors import MotiaError, WorkerError
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone
from motia.runtimes.worker.link import Link
from motia.runtimes.worker.outcome import failure_of, outcome_of, stream_in
from motia.runtimes.worker.workflow_calls import not_suspended

_REASONS = ("timed_out", "drained")


async def finish(
    link: Link,
    connection: Connection,
    number: int,
    future: asyncio.Future[Any],
    invocation: Invocation,
    calls: Calls,
    *,
    cancel_grace_s: float,
) -> Outcome:
    """The outcome of call `number`, whose result `future` gives; its calls are served until then.

    *Cancellation* tells the worker, and waits up to `cancel_grace_s` for it to stop.
    """
    link.running[number] = calls
    streaming = False
    try:
        result = await future
        if type(result) is dict and result.get("outcome") == "suspended":
            workflow = link.workflows.get(number)
            return not_suspended() if workflow is None else workflow.outcome()
        outcome = outcome_of(result, invocation)
        if calls.pending and not all(work.done() for work in calls.pending):
            await calls.finish_pending()
        stream = stream_in(outcome.value) if type(outcome) is Succeeded else None
        if stream is not None and not stream.ended:
            # The generator may still use its context: the invocation ends with it.
            streaming = True
            stream.on_done = lambda: link.done(number)
        return outcome
    except CallFailed as error:
        failed = link.refusal_in(failure_of(error.error), number)
        workflow = link.workflows.get(number)
        return failed if workflow is None else workflow.detailed(failed)
    except ConnectionGone as gone:
        return Released() if link.retired else _crashed(invocation, gone)
    except asyncio.CancelledError:
        if connection.is_open:
            reason = calls.stop_reason if calls.stop_reason in _REASONS else "cancelled"
            connection.note("cancel", {"id": number, "reason": reason})
        if (workflow := link.workflows.get(number)) is not None:
            workflow.end()  # what the handler waits for there does not keep it from stopping
        if calls.stop_reason is None:
            raise
        await _let_end(connection.ask_again(number), cancel_grace_s)
        return stopped(calls)
    except MotiaError as error:
        return Failed(error)  # of a call that nobody awaited
    finally:
        workflow = link.workflows.get(number) if link.workflows else None
        if workflow is not None and workflow.can_undo:
            link.done_but_undo(number, workflow)
        elif not streaming:
            link.done(number)


def stopped(calls: Calls) -> Outcome:
    """The outcome of an execution that was stopped from outside."""
    if calls.stop_reason == "cancelled":
        return Cancelled("it was cancelled while it ran", from_outside=True)
    return TimedOut(calls.timeout_s) if calls.stop_reason == "timed_out" else Released()


async def _let_end(future: asyncio.Future[Any], grace_s: float) -> None:
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # it counts for nothing
    await asyncio.wait([future], timeout=grace_s)


def _crashed(invocation: Invocation, gone: ConnectionGone) -> Outcome:
    step = invocation.step
    error = WorkerError(
        f"the {step.source.language} worker died while it ran {step.name}: {gone}",
        code="worker.crashed",
        hint="look at what the worker printed last; a native module or a call to exit may have ended it",
    )
    error.__cause__ = gone
    return Crashed(error)
