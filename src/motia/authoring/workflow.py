"""Durable calls of a handler that a queue drives: what `Context` offers to workflows."""

from __future__ import annotations

import asyncio
import builtins
import functools
import inspect
import sys
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from motia.authoring.durations import Duration, seconds
from motia.authoring.runs import RunState as RunState
from motia.authoring.runs import run_state
from motia.core.calls import Calls
from motia.core.retry import RetryPolicy
from motia.core.workflow import Suspend
from motia.errors import ApprovalExpiredError as ApprovalExpiredError
from motia.errors import WorkflowError as WorkflowError

R = TypeVar("R")
_ONCE = RetryPolicy(attempts=1)
_NO_HINTS: Mapping[str, Any] = {}


class DurableCalls:
    """What a run remembers: each call is done once, whatever happens to the process between two of them.

    The handler runs again from its first line each time it goes on, and every durable call that was done
    before answers at once. So effects belong inside `step`; what stands between the calls should be cheap
    and give the same each time. *Failure*: `WorkflowError` `workflow.not_durable` where no queue drives the
    handler, `workflow.changed` where the code changed under the run.
    """

    __slots__ = ()
    _calls: Calls

    if typing.TYPE_CHECKING:

        def _run(self, start: Callable[[], Any]) -> Awaitable[Any]: ...

    @property
    def run_id(self) -> str:
        """Id of the run: that of the message, the same over all attempts."""
        run_id: str = self._calls.durable().run_id
        return run_id

    def step(
        self,
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        retries: int = 0,
        delay: Duration = 1.0,
        timeout: Duration | None = None,
        undo: Callable[..., Any] | None = None,
        version: int = 1,
        key: str | None = None,
        **keywords: Any,
    ) -> Awaitable[Any]:
        """Call `function(*arguments, **keywords)` once in the life of the run; gives its result as JSON.

        A function whose return hint is a Pydantic model gives that model. Without `retries` a failure is the
        handler's, and the message's own retries run it again; with them the step is tried that many times
        more, the waits doubling from `delay`, and then fails for good (`workflow.step_failed`). `undo` is
        called, with the result if it takes one, when a later step fails for good or the run is cancelled,
        the last first. Steps of one name at the same time need a `key`. A new `version` tells runs that
        began with an older one apart.
        """
        plain = not arguments and not keywords
        work = function if plain else functools.partial(function, *arguments, **keywords)
        retry = _ONCE if retries == 0 else RetryPolicy(attempts=1 + retries, delay_s=seconds(delay, "delay"))
        timeout_s = None if timeout is None else seconds(timeout, "timeout")
        value = self._workflow.step(
            name, work, retry=retry, timeout_s=timeout_s, undo=undo, version=version, key=key
        )
        model = _returned_model(function)
        return self._begin(value if model is None else _read_as(model, value, name))

    def sleep(self, duration: Duration) -> Awaitable[None]:
        """Wait: "30s", "3d", a number of seconds. From 2 s on the run holds no memory meanwhile."""
        workflow = self._workflow
        due_at_ms = self._now_ms + round(seconds(duration, "sleep") * 1000)
        return self._begin(workflow.sleep_until(due_at_ms))

    def sleep_until(self, when: datetime) -> Awaitable[None]:
        """Wait for a point in time; one without a zone is UTC."""
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return self._begin(self._workflow.sleep_until(round(aware.timestamp() * 1000), "sleep until"))

    def wait_for(
        self,
        topic: str,
        *,
        match: Mapping[str, Any] | None = None,
        timeout: Duration | None = None,
        key: str | None = None,
    ) -> Awaitable[Any]:
        """Wait for an event of `topic` whose fields equal `match`; gives its payload.

        Also one that came before the call, since the run's message was enqueued, if the file names the topic
        as a text here or the step lists it. Failure: `WorkflowError` `workflow.wait_timed_out`.
        """
        timeout_s = None if timeout is None else seconds(timeout, "timeout")
        return self._begin(self._workflow.wait_for(topic, match, timeout_s=timeout_s, key=key))

    def wait_for_signal(self, name: str, *, timeout: Duration | None = None) -> Awaitable[Any]:
        """Wait for a signal that is sent to this very run; gives its data."""
        timeout_s = None if timeout is None else seconds(timeout, "timeout")
        return self._begin(self._workflow.wait_for_signal(name, timeout_s=timeout_s))

    def approval(
        self,
        model: Any,
        *,
        title: str = "",
        message: str = "",
        expires: Duration = "7d",
        notify: Callable[[str], Any] | None = None,
        key: str | None = None,
    ) -> Awaitable[Any]:
        """Ask a person, and wait for the answer: a `model`, which is a Pydantic model, another type or a JSON
        Schema.

        The question has a signed link, under which whoever has it answers once and in time. `notify(link)` is
        called once, as a step of its own: mail it, post it. The link also stands in `motia runs show` and in
        the Workbench. Several questions at the same time need a `key`.

        *Failure*: `ApprovalExpiredError` where nobody answered in time; `WorkflowError`
        `workflow.approval_invalid` where an answer that fits the JSON Schema is refused by the model's own
        rules.
        """
        from motia.authoring.approval import answer_of, form_for  # needs Pydantic, which most import late

        form = form_for(model, title or self._calls.invocation.step.name, message)
        expires_s = seconds(expires, "expires")
        workflow = self._workflow

        async def ask() -> Any:
            return answer_of(
                model, await workflow.approval(form, expires_s=expires_s, notify=notify, key=key)
            )

        return self._begin(ask())

    def gather(self, *calls: Awaitable[Any]) -> Awaitable[list[Any]]:
        """Wait for several durable calls at once; gives their results in order. The first failure counts,
        once all have ended. In a `def` handler they are done one after the other."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # In a `def` handler each call has given its value before it got here.
            values: Any = list(calls)
            return values  # type: ignore[no-any-return]  # a plain value for `def` handlers, by design
        return self._begin(self._workflow.gather(*calls))

    def set_custom_status(self, value: Any) -> Awaitable[None]:
        """Say where the run stands, as JSON, to whoever asks by `ctx.get_run`, `motia runs show` or in the
        Workbench. A run that goes on does not go back to what it said before."""
        return self._begin(self._workflow.set_custom_status(value))

    def get_run(self, run_id: str, *, step: str | None = None) -> Awaitable[RunState | None]:
        """How a run stands, from any handler; None where there is no such run.

        `step` says which, where several steps run the message. Failure: `InputError` `run.bad_id`,
        `run.ambiguous`.
        """
        return self._run(lambda: self._calls.begin(run_state(self._calls, run_id, step)))

    @property
    def _workflow(self) -> Any:
        leaving = sys.exc_info()[1]
        if isinstance(leaving, Suspend):
            # In a `finally` that a wait has led to: what stands there is done once the wait is over.
            raise leaving
        return self._calls.durable()

    @property
    def _now_ms(self) -> int:
        return self._calls.now_ms()

    def _begin(self, work: Coroutine[Any, Any, R]) -> Awaitable[R]:
        return self._run(lambda: self._calls.begin(work))


async def _read_as(model: type, result: Awaitable[Any], name: str) -> Any:
    """The result of a step as the model that its function says it returns."""
    value = await result
    if value is None:
        return None
    from motia.schemas.typed import TypeReader  # needs Pydantic, which most projects import late

    return TypeReader(model).from_value(value, name)


def _returned_model(function: Callable[..., Any]) -> type | None:
    """The Pydantic model that a function says it returns."""
    plain = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
    hint = getattr(plain, "__annotations__", _NO_HINTS).get("return")
    if isinstance(hint, str):
        # Nearly every hint is one name: to resolve them all, as below, costs more than the step's commit.
        found = getattr(plain, "__globals__", _NO_HINTS).get(hint, vars(builtins).get(hint))
        hint = _resolved(plain) if found is None else found
    elif hint is not None and not isinstance(hint, type):
        hint = _resolved(plain)
    return hint if isinstance(hint, type) and hasattr(hint, "__pydantic_validator__") else None


def _resolved(function: Callable[..., Any]) -> Any:
    try:
        return typing.get_type_hints(function).get("return")
    except Exception:  # hints of any kind may fail to resolve; then the result is plain JSON
        return None
