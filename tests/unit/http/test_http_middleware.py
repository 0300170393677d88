from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia.http.middleware import Next, compose


def run(middlewares: list[Any], handler: Any, request: Any = "request") -> Any:
    return asyncio.run(_run(middlewares, handler, request))


async def _run(middlewares: list[Any], handler: Any, request: Any) -> Any:
    return await compose(middlewares, handler)(request, "ctx")


def test_onion_order() -> None:
    seen: list[str] = []

    def layer(name: str) -> Any:
        async def middleware(request: Any, ctx: Any, next: Next) -> Any:
            seen.append(f"{name} in")
            result = await next()
            seen.append(f"{name} out")
            return result

        return middleware

    async def handler(request: Any, ctx: Any) -> str:
        seen.append("handler")
        return f"{request} {ctx}"

    assert run([layer("a"), layer("b")], handler) == "request ctx"
    assert seen == ["a in", "b in", "handler", "b out", "a out"]


def test_no_middleware_and_a_sync_handler() -> None:
    assert run([], lambda request, ctx: (request, ctx)) == ("request", "ctx")


def test_without_next_the_handler_does_not_run() -> None:
    def handler(request: Any, ctx: Any) -> Any:
        raise AssertionError("ran")

    assert run([lambda request, ctx, next: {"status": 401}], handler) == {"status": 401}
    assert run([lambda request, ctx, next: None], handler) is None


def test_sync_middleware_may_return_next() -> None:
    assert run([lambda request, ctx, next: next()], lambda request, ctx: 1) == 1


def test_result_of_next_is_kept_when_nothing_is_returned() -> None:
    async def quiet(request: Any, ctx: Any, next: Next) -> None:
        await next()

    assert run([quiet], lambda request, ctx: "answer") == "answer"


def test_a_replaced_request_reaches_the_inside() -> None:
    async def replace(request: Any, ctx: Any, next: Next) -> Any:
        return await next(request + "!")

    async def keep(request: Any, ctx: Any, next: Next) -> Any:
        return await next()

    assert run([replace, keep, replace], lambda request, ctx: request) == "request!!"


def test_errors_come_out_of_next() -> None:
    async def translate(request: Any, ctx: Any, next: Next) -> Any:
        try:
            return await next()
        except LookupError as error:
            return {"status": 404, "body": str(error)}

    def handler(request: Any, ctx: Any) -> Any:
        raise LookupError("gone")

    assert run([translate], handler) == {"status": 404, "body": "gone"}
    with pytest.raises(LookupError):
        run([lambda request, ctx, next: next()], handler)


def test_next_may_be_called_again() -> None:
    calls: list[int] = []

    async def retry(request: Any, ctx: Any, next: Next) -> Any:
        try:
            return await next()
        except OSError:
            return await next()

    def handler(request: Any, ctx: Any) -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("once")
        return "ok"

    assert run([retry], handler) == "ok"
