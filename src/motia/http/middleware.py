"""Middleware around a handler, as an onion."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Handler = Callable[[Any, Any], Any]
"""`(request, ctx)`, sync or async."""
Next = Callable[..., Awaitable[Any]]
"""`await next()` runs what is further in and gives its result; `next(request)` hands on another request."""
Middleware = Callable[[Any, Any, Next], Any]


def compose(middlewares: Sequence[Middleware], handler: Handler) -> Callable[[Any, Any], Awaitable[Any]]:
    """A callable `(request, ctx)` that runs the middlewares in the order given, the handler innermost.

    What a middleware returns is the result; one that called `next()` and returned None keeps the result of
    that call. Without `next()` the handler does not run. Errors of the inside come out of `await next()`.
    """

    async def run(request: Any, ctx: Any, position: int) -> Any:
        if position == len(middlewares):
            result = handler(request, ctx)
            return await result if inspect.isawaitable(result) else result
        inner: list[Any] = []

        async def call_next(replaced: Any = None) -> Any:
            result = await run(request if replaced is None else replaced, ctx, position + 1)
            inner[:] = [result]
            return result

        returned = middlewares[position](request, ctx, call_next)
        if inspect.isawaitable(returned):
            returned = await returned
        return inner[0] if returned is None and inner else returned

    async def composed(request: Any, ctx: Any) -> Any:
        return await run(request, ctx, 0)

    return composed
