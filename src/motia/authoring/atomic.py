"""`ctx.atomic()`: the block whose writes are one commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from motia.errors import HandlerError

if TYPE_CHECKING:
    from motia.authoring.context import Context


class Atomic:
    """See `Context.atomic`."""

    __slots__ = ("_context", "_settle")

    def __init__(self, context: Context, settle: bool) -> None:
        self._context = context
        self._settle = settle

    def __enter__(self) -> Context:
        self._refuse_on_loop()
        self._on_loop(lambda: self._context._calls.begin_atomic(settle=self._settle))
        return self._context

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._context._run(self._context._calls.commit_atomic)
        else:
            self._on_loop(self._context._calls.abandon_atomic)

    async def __aenter__(self) -> Context:
        self._context._calls.begin_atomic(settle=self._settle)
        return self._context

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._context._calls.commit_atomic()
        else:
            self._context._calls.abandon_atomic()

    def _on_loop(self, work: Callable[[], None]) -> None:
        def start() -> asyncio.Future[None]:
            work()
            done: asyncio.Future[None] = self._context._calls.loop.create_future()
            done.set_result(None)
            return done

        self._context._run(start)

    def _refuse_on_loop(self) -> None:
        if threading.current_thread() is threading.main_thread():
            raise HandlerError(
                "ctx.atomic(): expected `async with` in an async handler, got `with`",
                code="atomic.needs_async",
                hint="write `async with ctx.atomic():`",
                retryable=False,
            )
