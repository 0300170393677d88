"""The node's gateway: routes of steps first, then the built-in ones; refusals, CORS, a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from motia.core.occurrence import Request
from motia.engine.http_dispatch import StepEndpoint
from motia.errors import InputError
from motia.http.conditional import conditional
from motia.http.cors import Cors
from motia.http.problem import problem, problem_of, refusal
from motia.http.response import HttpResponse
from motia.http.router import Match, Router
from motia.http.static_site import StaticSite
from motia.server.builtin import SWITCHED_OFF
from motia.server.event_streams import PREFIX, StreamEndpoint, asks_for_events
from motia.server.gateway import Endpoint, GiveUp
from motia.server.sockets import Sockets
from motia.workflow.approvals import PREFIX as APPROVALS

CONTROL = "control"
"""Name of the listener that only the owner of this project can reach."""
WORKBENCH = "workbench"
"""Name of the listener that the console shares with the project's routes."""
_ON_BOTH_PORTS = (PREFIX, APPROVALS)


class ConsolePort(Protocol):
    """What answers first on the Workbench's port."""

    def admit(self, request: Request, raw_path: str) -> Endpoint | HttpResponse | None:
        """Where a request of the console goes; None where the project's routes shall answer."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltinEndpoint:
    """A route of ours."""

    make: Callable[[Request], Awaitable[HttpResponse]]
    max_body_bytes: int = 0

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        return await self.make(request)


@dataclass(frozen=True, slots=True)
class _TracedEndpoint:
    """A step's route that says which trace it made: the console leads there."""

    endpoint: Endpoint

    @property
    def max_body_bytes(self) -> int:
        return self.endpoint.max_body_bytes

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        response = await self.endpoint.answer(request, give_up)
        response.headers = [*response.headers, (b"x-trace-id", request.trace_id.encode())]
        return response


class AppGateway:
    """`server.gateway.Gateway` of a loaded project."""

    def __init__(
        self,
        router: Router[StepEndpoint],
        *,
        cors: Cors | None,
        builtin: Mapping[str, Callable[[], HttpResponse]],
        control: Endpoint,
        full: Callable[[], bool],
        report: Callable[[str], None],
        console: ConsolePort | None = None,
        sockets: Sockets,
        approval: Callable[[str], Endpoint],
        site: StaticSite | None = None,
        broken: Sequence[str] = (),
    ) -> None:
        """`builtin`, then `site`, answer GET on a path that no step serves; `control` everything on its own
        listener. A caller whom nothing answers is told of the files that are `broken`."""
        self._match = router.match
        self._cors = cors
        self._builtin = builtin
        self._control = control
        self._full = full
        self._report = report
        self._console = console
        self._sockets = sockets
        self._approval = approval
        self._site = site
        self._broken = broken

    def become(self, other: AppGateway) -> None:
        """Answer as `other` from now on. Connections hold this one for as long as they last."""
        self.__dict__.update(other.__dict__)

    def admit(self, request: Request, raw_path: str, listener: str) -> Endpoint | HttpResponse:
        if listener == CONTROL:
            return self._control
        if raw_path.startswith(_ON_BOTH_PORTS):
            if raw_path.startswith(APPROVALS):
                # Whoever has the link may answer: it is no matter of the console's.
                return self._approval(raw_path)
            if listener != WORKBENCH or asks_for_events(request):
                return StreamEndpoint(self._sockets, raw_path)
        if listener == WORKBENCH and self._console is not None:
            admitted = self._console.admit(request, raw_path)
            if admitted is not None:
                return admitted
        try:
            match = self._match(request.method, raw_path)
        except InputError as error:
            return problem_of(error)
        if not isinstance(match, Match):
            preflight = self._cors.preflight(request.method, request.headers) if self._cors else None
            if preflight is not None:
                return preflight
            make = self._builtin.get(raw_path) if match is None else None
            if make is None:
                page = self._page(request, raw_path) if match is None else None
                hint = SWITCHED_OFF.get(raw_path)
                return page or refusal(match, request.method, raw_path, self._broken, hint=hint)
            if request.method not in ("GET", "HEAD"):
                return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD"})
            return make()
        if self._full():
            return problem(503, code="backend.full", detail="storage is nearly full; nothing new is accepted")
        endpoint = match.target
        request.route = endpoint.route
        request.path_params = match.path_params
        return _TracedEndpoint(endpoint) if listener == WORKBENCH else endpoint

    def _page(self, request: Request, raw_path: str) -> HttpResponse | None:
        if self._site is None or request.method not in ("GET", "HEAD"):
            return None
        page = self._site.page(raw_path)
        return None if page is None else conditional(page, request.method, request.headers)

    def finish(self, request: Request, response: HttpResponse) -> HttpResponse:
        if self._cors is not None:
            origin = next((value for name, value in request.headers if name == b"origin"), None)
            response.headers = [*response.headers, *self._cors.headers_for(origin)]
        return response

    def upgrade(self, request: Request, listener: str) -> asyncio.Protocol | None:
        return None if listener == CONTROL else self._sockets.open(request)

    def broke_off(self, request: Request, error: Exception) -> None:
        self._report(f"{request.method} {request.route}: the response broke off: {error!r}")
