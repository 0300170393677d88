"""A call of one of the author's functions that is no handler: who may join, a key, when to run again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from motia.core.calls import Calls
from motia.errors import WorkerError
from motia.runtimes.protocol import CONTEXT
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone
from motia.runtimes.worker.foreign_error import error_of
from motia.runtimes.worker.link import Link
from motia.runtimes.worker.plan import context_text, make_plan
from motia.runtimes.worker.values import wire_text


async def call_function(
    link: Link,
    connection: Connection,
    function: str,
    arguments: Sequence[Any],
    calls: Calls,
    *,
    deadline_ms: int,
) -> Any:
    """What the function gives. Failure: `HandlerError` for what it raised, `WorkerError` if its
    process dies."""
    number: int | None = None
    try:
        params = _params(link, function, arguments, calls, deadline_ms)
        number, future = connection.call(b"call", params)
        link.running[number] = calls
        result = await future
    except asyncio.CancelledError:
        if number is not None and connection.is_open:
            connection.note("cancel", {"id": number, "reason": "cancelled"})
        raise
    except CallFailed as error:
        raise error_of(error.error) from error
    except ConnectionGone as gone:
        raise WorkerError(f"the worker died: {gone}", code="worker.crashed") from gone
    finally:
        if number is not None:
            link.done(number)
    return result.get("value") if type(result) is dict else None


def _params(link: Link, function: str, arguments: Sequence[Any], calls: Calls, deadline_ms: int) -> bytes:
    given = [item for item in arguments if item is not CONTEXT]
    texts = b",".join(wire_text(item, doubles=link.doubles) for item in given)
    params = b'"function":%b,"arguments":[%b]' % (orjson.dumps(function), texts)
    if CONTEXT in arguments:
        invocation = calls.invocation
        context = context_text(make_plan(invocation.step, None), invocation, deadline_ms=deadline_ms)
        params += b',"context":%b,"context_at":%d' % (context, arguments.index(CONTEXT))
    return b"{%b}" % params
