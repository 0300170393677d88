"""The calls of the context at module level: they belong to whatever handler is running here."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any

from motia.authoring.context import current, running_context


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


state_manager: Any = _RunningState()
stateManager = state_manager
logger: Any = _RunningLogger()


def enqueue(topic: Any, data: Any = None, **options: Any) -> Awaitable[Any]:
    """`Context.enqueue` of the running handler."""
    return running_context().enqueue(topic, data, **options)


emit = enqueue


def enqueue_many(topic: str, items: Iterable[Any], **options: Any) -> Awaitable[str]:
    """`Context.enqueue_many` of the running handler."""
    return running_context().enqueue_many(topic, items, **options)


def trigger(step: str, data: Any = None, **options: Any) -> Awaitable[Any]:
    """`Context.trigger_step` of the running handler."""
    return running_context().trigger_step(step, data, **options)


def call(step: str, data: Any = None) -> Awaitable[Any]:
    """Run a step now and wait for what it returns. Not durable: the caller sees its failure."""
    return running_context().call(step, data, durable=False)
