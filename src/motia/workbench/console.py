"""Answers the requests of the Workbench's port: checks them, then the page, its files or the JSON API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from motia import encoding
from motia.core.clock import Clock
from motia.core.occurrence import Request
from motia.errors import AccessError, InputError, MotiaError
from motia.http.problem import problem, refusal
from motia.http.response import HttpResponse, to_response
from motia.http.router import Match, Route, Router
from motia.settings import Settings
from motia.workbench.guard import check_host, check_origin, headers_of, is_navigation
from motia.workbench.page import SAFETY, asset, page
from motia.workbench.request import ApiRequest, Handler, query_of
from motia.workbench.session import Sessions, cookie_name

PREFIX = "/__motia"
MAX_BODY_BYTES = 2 * 1024 * 1024
Report = Callable[[str, bytes], None]


class Console:
    """What answers on the Workbench's port before the project's own routes do.

    `report` is called with a line and its JSON data for everything an operator changed.
    """

    def __init__(
        self,
        routes: Sequence[Route[Handler]],
        sessions: Sessions,
        *,
        settings: Settings,
        clock: Clock,
        report: Report,
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._clock = clock
        self._report = report
        self._hosts = (*settings.workbench.allowed_hosts, settings.host)
        own: list[Route[Handler]] = [
            Route("GET", "/session", self._session),
            Route("POST", "/session", self._sign_in),
            Route("DELETE", "/session", self._sign_out),
        ]
        self._open = frozenset(route.target for route in own)
        self._router = Router.build(
            Route(route.method, PREFIX + route.pattern, route.target) for route in (*own, *routes)
        )

    def admit(self, request: Request, raw_path: str) -> _Asked | HttpResponse | None:
        """What answers a request on the Workbench's port; None where the project's routes shall."""
        headers = headers_of(request.headers)
        try:
            check_host(headers, self._hosts)
        except AccessError as error:
            return told(error)
        if raw_path == PREFIX or raw_path.startswith(f"{PREFIX}/"):
            return _Asked(self, headers, raw_path)
        if raw_path == "/favicon.ico":
            return asset("favicon.ico") or problem(404, code="route.not_found")
        return page() if is_navigation(request.method, headers) else None

    async def answer(self, asked: Request, headers: Mapping[str, str], raw_path: str) -> HttpResponse:
        """The answer to a request under `/__motia`; problems are told in full, for the operator asks."""
        try:
            return await self._answer(asked, headers, raw_path)
        except MotiaError as error:
            return told(error)

    async def _answer(self, asked: Request, headers: Mapping[str, str], raw_path: str) -> HttpResponse:
        method = asked.method
        if method in ("GET", "HEAD") and raw_path.startswith(f"{PREFIX}/assets/"):
            gzip = "gzip" in headers.get("accept-encoding", "")
            found = asset(raw_path.removeprefix(f"{PREFIX}/assets/"), gzip=gzip)
            return found or problem(404, code="route.not_found")
        check_origin(headers)
        match = self._router.match(method, raw_path)
        if not isinstance(match, Match):
            return refusal(match, method, raw_path)
        handler = match.target
        request = ApiRequest(
            method=method,
            params=match.path_params,
            query=query_of(asked.query_string),
            headers=headers,
            client=asked.client or "",
        )
        if handler not in self._open:
            self._check_access(request)
        if method not in ("GET", "HEAD"):
            request.body = _json(asked.body, headers)
        answer = await handler(request)
        for action, target in request.acted:
            data = encoding.encode({"action": action, "target": target, "client": request.client})
            self._report(f"console: {action}", data)
        if isinstance(answer, HttpResponse):
            return answer
        response = to_response({"status": 204} if answer is None else {"status": 200, "body": answer})
        response.headers += [(b"cache-control", b"no-store"), *SAFETY]
        return response

    def _check_access(self, request: ApiRequest) -> None:
        if not self._knows(request):
            raise AccessError(
                "console: expected a session or a bearer token, got neither",
                code="console.unauthenticated",
                hint="open the address with the token that `motia dev` printed",
            )
        if request.method not in ("GET", "HEAD") and self._settings.workbench.read_only:
            raise AccessError(
                "console: expected to be asked for reads only, got a change",
                code="console.read_only",
                hint="workbench.read_only is set",
            )

    def _knows(self, request: ApiRequest) -> bool:
        return self._sessions.knows(request.headers, _cookie_name(request), self._clock.now_ms())

    async def _session(self, request: ApiRequest) -> Any:
        if not self._knows(request):
            return {"authenticated": False}
        return {
            "authenticated": True,
            "read_only": self._settings.workbench.read_only,
            "mode": self._settings.mode,
            "project": self._settings.project_dir.name,
            "version": version(),
        }

    async def _sign_in(self, request: ApiRequest) -> HttpResponse:
        value = self._sessions.sign_in(request.fields("token")["token"], self._clock.now_ms())
        return self._with_cookie(request, value)

    async def _sign_out(self, request: ApiRequest) -> HttpResponse:
        return self._with_cookie(request, "")

    def _with_cookie(self, request: ApiRequest, value: str) -> HttpResponse:
        secure = request.headers.get("origin", "").startswith("https:")
        line = self._sessions.cookie(_cookie_name(request), value, secure=secure)
        return HttpResponse(204, [(b"set-cookie", line), (b"cache-control", b"no-store")], b"")


def version() -> str:
    """Version of the installed framework."""
    return metadata.version("motia-steps")


def told(error: MotiaError) -> HttpResponse:
    """A problem that says all we know: who asks is the operator."""
    status = 401 if error.code in ("console.unauthenticated", "console.bad_token") else error.http_status
    found = error.details.get("errors")
    return problem(
        status,
        detail=error.message,
        code=error.code,
        errors=[item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else None,
        extra={"hint": error.hint} if error.hint else None,
    )


def _cookie_name(request: ApiRequest) -> str:
    port = request.headers.get("host", "").rpartition(":")[2]
    return cookie_name(int(port) if port.isascii() and port.isdigit() else 0)


def _json(body: bytes, headers: Mapping[str, str]) -> Any:
    """The JSON of the body; None where there is none. Failure: `InputError`."""
    if not body:
        return None
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A form of another site can send text; it cannot say that it is JSON.
        raise InputError(
            "body: expected content-type application/json, got another",
            code="console.content_type",
            status=415,
        )
    return encoding.decode(body)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The endpoint of one request to the console."""

    console: Console
    headers: Mapping[str, str]
    raw_path: str
    max_body_bytes: int = MAX_BODY_BYTES

    async def answer(self, request: Request, give_up: Any) -> HttpResponse:
        return await self.console.answer(request, self.headers, self.raw_path)
