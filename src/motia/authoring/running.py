"""The calls of the context at module level: they belong to whatever handler is running here."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, cast

from motia.authoring.context import current, running_context
from motia.authoring.state import State


class _RunningState:
    """`state_manager`: the state of whatever handler is running."""

    def __getattr__(self, name: str) -> Any:
        return getattr(running_context().state, name)


class _RunningLogger:
    """`logger`: that of whatever handler is running; outside of one, the standard library's."""

    def __getattr__(self, name: str) -> Any:
        context = current.get(None)
        if context is None:
            import logging

            return getattr(logging.getLogger("motia"), name)
        return getattr(context.logger, name)


state_manager = cast(State, _RunningState())
stateManager = state_manager
logger: Any = _RunningLogger()


def enqueue(topic: Any, data: Any = None, **options: Any) -> Awaitable[Any]:
    """Put a message on a topic, from wherever the running handler calls; gives its id once it is durable.

    As `Context.enqueue`, which says what `options` there are. *Failure*: `HandlerError` `context.missing`
    where no handler runs, as in a thread that you started yourself.
    """
    return running_context().enqueue(topic, data, **options)


emit = enqueue


def enqueue_many(topic: str, items: Iterable[Any], **options: Any) -> Awaitable[str]:
    """Put a message for each item on a topic, all in one commit; gives the id of the bulk once it is durable.

    As `Context.enqueue_many`. *Failure*: `HandlerError` `context.missing` where no handler runs.
    """
    return running_context().enqueue_many(topic, items, **options)


def trigger(step: str, data: Any = None, **options: Any) -> Awaitable[str]:
    """Put a message for one step, by its id; gives the message's id once it is durable, before the step runs.

    As `Context.trigger_step`. *Failure*: `HandlerError` `context.missing` where no handler runs.
    """
    return running_context().trigger_step(step, data, **options)


def call(step: str, data: Any = None) -> Awaitable[Any]:
    """Run a step now, in the running handler's trace, and give what it returns.

    Not durable: it has no message and no retries, and dies with its caller. *Failure*: what the step raised;
    `HandlerError` `step.unknown`, `input.invalid` and, where no handler runs, `context.missing`.
    """
    return running_context().call(step, data, durable=False)
