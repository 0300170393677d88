"""Durable calls of one invocation in a worker: the journal is the node's, the functions are the worker's.

context.workflow step ─► recorded? ─┬─ yes ───────────────────────────► its value
                                    └─ no ─► run (back to the worker) ─► journal ─► its value
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from motia.authoring.approval import form_for
from motia.core.calls import Calls
from motia.core.invocation import Cancelled, Failed, Outcome, Suspended
from motia.core.retry import RetryPolicy
from motia.core.workflow import Compensating, RuntimeGone, Suspend, merged
from motia.errors import HandlerError, WorkflowError
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone
from motia.runtimes.worker.context_calls import Answer
from motia.runtimes.worker.foreign_error import error_of
from motia.runtimes.worker.outbox import MessageTooLong
from motia.runtimes.worker.params import BadParams, integer_of, number_of, text_of
from motia.runtimes.worker.values import wire_text

_SUSPENDED = b'{"suspended":true}'


class WorkerWorkflow:
    """The durable calls of invocation `number`.

    A call that has nothing to do but wait is answered `{"suspended": true}`. The worker answers the whole
    invocation so once nothing else of it goes on; `outcome` then says until when.
    """

    def __init__(self, calls: Calls, connection: Connection, number: int, *, doubles: bool) -> None:
        self._calls = calls
        self._connection = connection
        self._number = number
        self._doubles = doubles
        self._suspended: list[Suspend] = []
        self._compensating = False
        self._refusals: dict[tuple[str, str], WorkflowError] = {}
        self._begun: set[asyncio.Future[bytes]] = set()
        self.can_undo = False
        """The worker keeps functions that undo what was done."""

    def start(self, method: str, params: dict[str, Any]) -> tuple[Answer, Callable[[bytes], bytes]]:
        """Begin a call. Failure: `BadParams`, `WorkflowError` `workflow.not_durable`."""
        workflow = self._calls.durable()
        try:
            if method == "context.call":
                work = workflow.call(text_of(params["step"]), params.get("data"), key=_key(params))
            else:
                work = self._work(workflow, params["call"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BadParams(f"{method}: {type(error).__name__}: {error}") from error
        begun = self._calls.begin(self._answer(work))
        self._begun.add(begun)
        begun.add_done_callback(self._begun.discard)
        return begun, _same

    def _work(self, workflow: Any, call: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        operation = call["op"]
        timeout_s = number_of(call.get("timeout_s"))
        work: Coroutine[Any, Any, Any]
        if operation == "step":
            work = self._step(workflow, call, timeout_s)
        elif operation == "sleep":
            for_s = number_of(call["for_s"]) or 0.0
            work = workflow.sleep_until(self._calls.now_ms() + round(for_s * 1000))
        elif operation == "sleep_until":
            work = workflow.sleep_until(integer_of(call["at_ms"]), "sleep until")
        elif operation == "wait":
            match = call.get("match")
            if match is not None and not isinstance(match, Mapping):
                raise BadParams(f"context.workflow: expected an object to match, got {match!r:.80}")
            work = workflow.wait_for(text_of(call["topic"]), match, timeout_s=timeout_s, key=_key(call))
        elif operation == "wait_for_signal":
            work = workflow.wait_for_signal(text_of(call["name"]), timeout_s=timeout_s)
        elif operation == "approval":
            work = self._approval(workflow, call)
        elif operation == "status":
            work = workflow.set_custom_status(call.get("value"))
        else:
            raise BadParams(f"context.workflow: expected a call of the protocol, got {operation!r:.80}")
        return work

    def _step(self, workflow: Any, call: dict[str, Any], timeout_s: float | None) -> Coroutine[Any, Any, Any]:
        name = text_of(call["name"])
        function, undo_function = _function(call["function"]), call.get("undo")
        delay_s = number_of(call.get("delay_s"))
        retry = RetryPolicy(
            attempts=1 + (integer_of(call.get("retries")) or 0), delay_s=1.0 if delay_s is None else delay_s
        )
        version, key = integer_of(call.get("version")) or 1, _key(call)
        undo = None
        if undo_function is not None:
            undo_number = _function(undo_function)
            self.can_undo = True

            async def undo(result: Any) -> None:
                await self._run(undo_number, result)

        async def run() -> Any:
            return await self._run(function)

        async def step() -> Any:
            try:
                return await workflow.step(
                    name, run, retry=retry, timeout_s=timeout_s, undo=undo, version=version, key=key
                )
            except TimeoutError as error:
                raise WorkflowError(
                    f"workflow step {name!r}: expected an end within {timeout_s:g} s, got none",
                    code="workflow.step_timed_out",
                    hint="give it a longer timeout, or retries",
                ) from error

        return step()

    def _approval(self, workflow: Any, call: dict[str, Any]) -> Any:
        if not isinstance(call["schema"], Mapping):
            raise BadParams(f"context.workflow: expected a JSON Schema, got {call['schema']!r:.80}")
        title = call.get("title") or self._calls.invocation.step.name
        form = form_for(call["schema"], text_of(title), text_of(call.get("message") or ""))
        expires_s = number_of(call["expires_s"]) or 0.0
        notify = None
        if call.get("notify") is not None:
            notify = functools.partial(self._run, _function(call["notify"]))
        return workflow.approval(form, expires_s=expires_s, notify=notify, key=_key(call))

    async def _run(self, function: int, *arguments: Any) -> Any:
        """What a function of the invocation gives. Failure: what it raised; `RuntimeGone`."""
        texts = b",".join(wire_text(argument, doubles=self._doubles) for argument in arguments)
        params = b'{"invocation":%d,"function":%d,"arguments":[%b]}' % (self._number, function, texts)
        number = None
        try:
            number, future = self._connection.call(b"run", params)
            result = await future
        except asyncio.CancelledError:
            if number is not None and self._connection.is_open:
                self._connection.note("cancel", {"id": number, "reason": "timed_out"})
            raise
        except CallFailed as error:
            raise error_of(error.error) from error
        except ConnectionGone as gone:
            raise RuntimeGone(str(gone)) from gone
        except MessageTooLong as error:
            raise HandlerError(f"undo: {error}", code="input.too_large", retryable=False) from error
        return result.get("value") if type(result) is dict else None

    async def _answer(self, work: Coroutine[Any, Any, Any]) -> bytes:
        try:
            value = await work
        except Suspend as suspend:
            self._suspended.append(suspend)
            return _SUSPENDED
        except Compensating:
            self._compensating = True
            return _SUSPENDED
        except RuntimeGone:
            return _SUSPENDED  # nobody is there to read it
        except WorkflowError as error:
            self._refusals[error.code, error.message] = error
            raise
        return b'{"value":%b}' % wire_text(value, doubles=self._doubles)

    # The end ----------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """What an invocation that was answered as suspended stands for."""
        if self._compensating:
            return Cancelled("the run is being undone")
        if not self._suspended:
            return not_suspended()
        suspend = merged(self._suspended)
        return Suspended(suspend.due_at_ms, suspend.waits)

    def detailed(self, failed: Failed) -> Failed:
        """A failure of the handler with the details of the refusal that it is: they do not travel."""
        refusal = self._refusals.get((failed.error.code, failed.error.message))
        if refusal is not None:
            failed.error.details, failed.error.hint = refusal.details, refusal.hint
        return failed

    def end(self) -> None:
        """The handler has ended: nobody waits for its calls any more."""
        for begun in self._begun:
            begun.cancel()

    def release(self) -> None:
        """Nothing of the run is undone any more: the worker may forget its functions."""
        if self._connection.is_open:
            self._connection.note("release", {"invocation": self._number})


def not_suspended() -> Failed:
    """A worker says that an invocation is suspended while no call of it is."""
    return Failed(
        HandlerError("expected an outcome, got suspended, and nothing to wait for", code="handler.bad_result")
    )


def is_durable_call(calls: Calls, params: Mapping[str, Any]) -> bool:
    """Whether `context.call` is a message of its own that the run waits for: so it is where a queue drives
    the handler, as in Python."""
    claim = calls.invocation.claim
    wanted = params.get("durable")
    if wanted is not None:
        return wanted is True
    return claim is not None and not claim.bundle and not calls.in_atomic


def _function(value: Any) -> int:
    if type(value) is not int:
        raise BadParams(f"expected the number of a function, got {value!r:.80}")
    return value


def _key(params: Mapping[str, Any]) -> str | None:
    key = params.get("key")
    return None if key is None else text_of(key)


def _same(text: bytes) -> bytes:
    return text
