"""Handlers that write their response piece by piece: which they are, and how they run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from types import CodeType
from typing import Any

from motia.authoring.request import Request
from motia.authoring.responder import Responder

_NAME = "response"


def writes_response(function: Callable[..., Any]) -> bool:
    """Whether the code of a handler, or of a function within it, reads `….response` or `…["response"]`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and _mentions(code)


def _mentions(code: CodeType) -> bool:
    return (
        _NAME in code.co_names
        or _NAME in code.co_consts
        or any(isinstance(one, CodeType) and _mentions(one) for one in code.co_consts)
    )


async def respond(request: Request[Any], run: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a handler with a writer in `request.response`; gives what it returned, or its response as soon as
    it wrote a piece. *Cancellation*: cancels the handler."""
    responder = request.response = Responder(asyncio.get_running_loop())
    handler = asyncio.ensure_future(run())
    begun = asyncio.ensure_future(responder.begun.wait())
    try:
        await asyncio.wait([handler, begun], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        handler.cancel()
        await asyncio.wait([handler])
        raise
    finally:
        begun.cancel()
    if responder.begun.is_set():
        return {"status": 200, **responder.head, "body": responder.body(handler)}
    value = await handler
    return {"status": 200, **responder.head} if value is None and responder.head else value
