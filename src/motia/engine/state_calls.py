"""A handler's write of state as an operation of the store, and what the store says back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import (
    ChangeDelivery,
    Guard,
    Operation,
    StateClear,
    StateDelete,
    StatePut,
    StateResult,
    StateUpdate,
    StateVersion,
)
from motia.core.calls import StateWrite, StateWritten
from motia.core.message import TraceContext
from motia.errors import HandlerError

if TYPE_CHECKING:
    from motia.engine.engine import Engine


def state_operation(
    engine: Engine, write: StateWrite, onward: Callable[[], TraceContext]
) -> tuple[Operation, tuple[Guard, ...]]:
    """What is committed for a write. `onward` is the trace of the steps that its change runs.

    Failure: `HandlerError` `state.bad_name`.
    """
    now_ms = engine.clock.now_ms()
    scope, key = state_name(write.scope, "scope"), state_name(write.key, "key")
    if write.kind == "clear":
        return StateClear(scope, now_ms), ()
    deliveries: Sequence[ChangeDelivery] = ()
    if queues := engine.state_queues(scope, key):
        trace = onward()
        deliveries = [ChangeDelivery(queue, engine.ids.message_id(), trace) for queue in queues]
    expires_at_ms = None if write.ttl_s is None else now_ms + round(write.ttl_s * 1000)
    guards: tuple[Guard, ...] = ()
    if write.if_version is not None:
        guards = (StateVersion(scope, key, write.if_version, now_ms),)
    if write.kind == "put":
        return (
            StatePut(
                scope=scope,
                key=key,
                value=encoding.encode_kept(write.value),
                now_ms=now_ms,
                expires_at_ms=expires_at_ms,
                deliveries=deliveries,
            ),
            guards,
        )
    if write.kind == "delete":
        return StateDelete(scope=scope, key=key, now_ms=now_ms, deliveries=deliveries), guards
    return (
        StateUpdate(
            scope=scope,
            key=key,
            operations=write.operations,
            now_ms=now_ms,
            expires_at_ms=expires_at_ms,
            deliveries=deliveries,
        ),
        guards,
    )


def written_of(results: list[Any]) -> StateWritten:
    """What the handler is told of a write, of the results of its commit."""
    result = results[0]
    if isinstance(result, StateResult):
        return StateWritten(
            None if result.old is None else encoding.decode(result.old),
            None if result.new is None else encoding.decode(result.new),
            result.version,
        )
    return StateWritten(None, None, 0)


def state_name(value: Any, what: str) -> str:
    """A scope or a key as text: authors may write a number. Failure: `HandlerError` `state.bad_name`."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise HandlerError(
        f"state: expected a text as {what}, got {value!r}",
        code="state.bad_name",
        hint="write ctx.state.set(scope, key, value)",
        retryable=False,
    )
