"""Calling functions with their dependencies: resolved in order, torn down in reverse."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any

from motia.runtimes.python.frame import Frame
from motia.schemas.problems import input_invalid

Getter = Callable[[Frame], Any]


class Call:
    """A function and how each of its arguments is got: from the frame, or from another call."""

    __slots__ = ("_dependencies", "_getters", "_names", "_rest", "function", "parts", "shared")

    def __init__(
        self,
        function: Callable[..., Any],
        positional: Sequence[Getter | Call],
        keyword: Sequence[tuple[str, Getter | Call]],
        *,
        rest: Getter | None = None,
        shared: bool = True,
    ) -> None:
        self.function = function
        self.shared = shared
        self.parts: list[Getter | Call] = [*positional, *(part for _, part in keyword)]
        self._names: list[str] = [name for name, _ in keyword]
        self._rest = rest
        """Gives the mapping for `**keywords`."""
        self._getters = [(at, part) for at, part in enumerate(self.parts) if not isinstance(part, Call)]
        self._dependencies = [(at, part) for at, part in enumerate(self.parts) if isinstance(part, Call)]

    @property
    def has_dependencies(self) -> bool:
        return bool(self._dependencies)

    @property
    def takes_rest(self) -> bool:
        """Whether fields that no parameter names are passed on."""
        return self._rest is not None

    @property
    def first_async(self) -> Callable[..., Any] | None:
        """A dependency, at any depth, that needs an event loop; None without one."""
        for _, part in self._dependencies:
            found = part.function if is_async(part.function) else part.first_async
            if found is not None:
                return found
        return None

    def run(self, frame: Frame) -> Any:
        """What the function returns, for a call that needs no other."""
        values = self._plain(frame)
        if not self._names and self._rest is None:
            return self.function(*values)
        positional, keywords = self._arranged(frame, values)
        return self.function(*positional, **keywords)

    async def resolve(self, frame: Frame, stack: AsyncExitStack) -> tuple[list[Any], dict[str, Any]]:
        """The arguments, dependencies resolved one after the other; `stack` tears them down."""
        values = self._plain(frame)
        for at, part in self._dependencies:
            values[at] = await part._value_async(frame, stack)
        return self._arranged(frame, values)

    def resolve_sync(self, frame: Frame, stack: ExitStack) -> tuple[list[Any], dict[str, Any]]:
        """As `resolve`, where every dependency is sync."""
        values = self._plain(frame)
        for at, part in self._dependencies:
            values[at] = part._value_sync(frame, stack)
        return self._arranged(frame, values)

    async def iterate(self, frame: Frame) -> AsyncIterator[Any]:
        """What an async generator function yields; teardown follows its end."""
        async with AsyncExitStack() as stack:
            values, keywords = await self.resolve(frame, stack)
            async for item in self.function(*values, **keywords):
                yield item

    def iterate_sync(self, frame: Frame) -> Iterator[Any]:
        """What a generator function yields, every dependency being sync; teardown follows its end."""
        with ExitStack() as stack:
            values, keywords = self.resolve_sync(frame, stack)
            yield from self.function(*values, **keywords)

    def _plain(self, frame: Frame) -> list[Any]:
        """The arguments that need no other call, all checked before a dependency opens anything."""
        values: list[Any] = [None] * len(self.parts)
        for at, getter in self._getters:
            values[at] = getter(frame)
        if frame.problems.found:
            raise input_invalid(frame.problems.found)
        return values

    def _arranged(self, frame: Frame, values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        count = len(values) - len(self._names)
        keywords = dict(zip(self._names, values[count:], strict=True))
        if self._rest is not None:
            keywords.update(self._rest(frame))
        return values[:count], keywords

    def _value_sync(self, frame: Frame, stack: ExitStack) -> Any:
        if self.shared and self.function in frame.shared:
            return frame.shared[self.function]
        values, keywords = self.resolve_sync(frame, stack)
        if inspect.isgeneratorfunction(self.function):
            value = stack.enter_context(contextmanager(self.function)(*values, **keywords))
        else:
            value = self.function(*values, **keywords)
        frame.shared[self.function] = value
        return value

    async def _value_async(self, frame: Frame, stack: AsyncExitStack) -> Any:
        if self.shared and self.function in frame.shared:
            return frame.shared[self.function]
        values, keywords = await self.resolve(frame, stack)
        if inspect.isasyncgenfunction(self.function):
            value = await stack.enter_async_context(asynccontextmanager(self.function)(*values, **keywords))
        elif inspect.isgeneratorfunction(self.function):
            value = stack.enter_context(contextmanager(self.function)(*values, **keywords))
        else:
            value = self.function(*values, **keywords)
            if inspect.isawaitable(value):
                value = await value
        frame.shared[self.function] = value
        return value


def is_async(function: Callable[..., Any]) -> bool:
    """Whether it must be awaited or iterated on an event loop."""
    target = function.func if hasattr(function, "func") else function
    if not inspect.isroutine(target) and not isinstance(target, type):
        target = type(target).__call__
    return inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target)
