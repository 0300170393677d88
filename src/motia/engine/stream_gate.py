"""Asks the project's own functions who may follow what. Whatever goes wrong on the way means no."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from motia.core.invocation import Failed, Invocation
from motia.core.message import TraceContext
from motia.core.occurrence import ManualCall, Request
from motia.core.stack import own_stack
from motia.core.step import Source, Step, StreamDefinition
from motia.core.trigger import FunctionId
from motia.engine.execution import Execution
from motia.engine.outcomes import stack_data
from motia.errors import HandlerError
from motia.runtimes.protocol import CONTEXT
from motia.streams.access import Denied, context_of, has_role, lets_in, turns_away

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_HANDSHAKE_HEADERS = frozenset({"sec-websocket-key", "sec-websocket-extensions", "sec-websocket-version"})


class Gate:
    """`streamAuth`, `access`, `canAccess`, `onJoin` and `onLeave` of a project.

    *Failure*: a function that raises, or does not answer within `streams.auth_timeout_s`, refuses, and
    the author is told. *Concurrency*: functions are asked for many clients at once.
    """

    def __init__(self, engine: Engine, authenticate: tuple[Source, FunctionId] | None) -> None:
        self._engine = engine
        self.authenticate = authenticate
        """The function that says who a connection is; None = nobody asks."""

    @property
    def authenticates(self) -> bool:
        """Whether the project says who a connection is."""
        return self.authenticate is not None

    async def admit(self, request: Request) -> Any:
        """The context of a new connection; None where the project authenticates nobody. Failure: `Denied`."""
        if self.authenticate is None:
            if self._engine.settings.streams.closed:
                raise Denied("streams are closed")
            return None
        source, function = self.authenticate
        try:
            return context_of(await self._ask("streamAuth", source, function, [_described(request), CONTEXT]))
        except _NoAnswer as error:
            raise Denied("authentication failed") from error

    async def may_follow(self, stream: StreamDefinition, group: str, id_: str | None, context: Any) -> bool:
        """Whether the roles and `canAccess` let a connection follow this."""
        if not has_role(stream.join_roles, context):
            return False
        if stream.can_access is None:
            return True
        arguments = [_subscription(stream, group, id_), context, CONTEXT]
        try:
            answer = await self._ask(f"{stream.name}.canAccess", stream.source, stream.can_access, arguments)
        except _NoAnswer:
            return False
        return lets_in(answer)

    async def joins(
        self, stream: StreamDefinition, group: str, id_: str | None, subscription: str, context: Any
    ) -> bool:
        """Run `onJoin`; whether it has nothing against it."""
        if stream.on_join is None:
            return True
        arguments = [_subscription(stream, group, id_, subscription), CONTEXT, context]
        try:
            return not turns_away(
                await self._ask(f"{stream.name}.onJoin", stream.source, stream.on_join, arguments)
            )
        except _NoAnswer:
            return False

    async def left(
        self, stream: StreamDefinition, group: str, id_: str | None, subscription: str, context: Any
    ) -> None:
        """Run `onLeave`. A failure is told to the author."""
        if stream.on_leave is None:
            return
        arguments = [_subscription(stream, group, id_, subscription), CONTEXT, context]
        try:
            await self._ask(f"{stream.name}.onLeave", stream.source, stream.on_leave, arguments)
        except _NoAnswer:
            return

    async def _ask(self, name: str, source: Source, function: FunctionId, arguments: Sequence[Any]) -> Any:
        """What a function of the project answers. Failure: `_NoAnswer`, after the author was told."""
        engine = self._engine
        limit_s = engine.settings.streams.auth_timeout_s
        trace = TraceContext(engine.ids.trace_id(), engine.ids.span_id(), 0)
        step = Step(name=name, source=source, handler=function)
        invocation = Invocation(step, None, ManualCall(payload=b"null"), trace)
        execution = Execution(engine, invocation, limit_s, engine.clock.monotonic_s())
        data = None
        try:
            async with asyncio.timeout(limit_s):
                answer = await engine.runtime_of(step).call(function, arguments, execution)
                await execution.finish_pending()
                return answer
        except TimeoutError as error:
            reason = f"did not answer within {limit_s:g} s"
            execution.stop_reason = "timed_out"
            cause: BaseException = error
        except Exception as error:
            failure = _raised(error, str(engine.settings.project_dir))
            reason, cause = f"raised {failure.type_name}: {failure.message}", error
            data = stack_data(Failed(failure))
        finally:
            execution.ended = True
        engine.recorder.log("error", f"{name} {reason}", step=name, trace_id=trace.trace_id, data=data)
        raise _NoAnswer from cause


def _raised(error: Exception, project_dir: str) -> HandlerError:
    """What the author is told: the type, in whichever language, and the lines."""
    if isinstance(error, HandlerError) and error.type_name:
        return error
    stack = own_stack(error, project_dir)
    return HandlerError(str(error), type_name=type(error).__name__, stack=stack)


class _NoAnswer(Exception):
    """A function of the project failed or did not answer in time."""


def _subscription(
    stream: StreamDefinition, group: str, id_: str | None, subscription: str = ""
) -> dict[str, Any]:
    return {"streamName": stream.name, "groupId": group, "id": id_, "subscriptionId": subscription}


def _described(request: Request) -> dict[str, Any]:
    """A connection, as auth functions get it: what both 0.x and 1.x give, and the token where one is."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.decode("latin-1").lower()
        if key not in _HANDSHAKE_HEADERS:
            text = value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = parse_qs(request.query_string.decode("latin-1"), keep_blank_values=True)
    target = request.path + (f"?{request.query_string.decode('latin-1')}" if request.query_string else "")
    return {
        "headers": headers,
        "url": target,
        "path": request.path,
        "queryParams": query,
        "query_params": query,
        "addr": request.client or "",
        "token": _token(headers, query),
    }


def _token(headers: Mapping[str, str], query: Mapping[str, Sequence[str]]) -> str | None:
    """The token of `Authorization: Bearer …`, of the subprotocols `Authorization, …`, or of the query."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    offered = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
    if len(offered) > 1 and offered[0].lower() == "authorization":
        return offered[1]
    for name in ("authToken", "token"):
        if query.get(name):
            return query[name][0]
    return None
