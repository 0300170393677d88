"""Idempotent requests: the same key and request get the recorded response, and run once (R11)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from motia import encoding
from motia.core.batch import Batch, BeginRequest, EndRequest, RecordedResponse
from motia.core.occurrence import Request
from motia.core.trigger import Idempotency
from motia.errors import BackendError
from motia.http.problem import problem
from motia.http.response import HttpResponse

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_RETRY_AFTER_S = 0.5
"""How soon storage that refused a record is asked again."""
_LONGEST_KEY_CHARS = 255
_SERVER_ERROR = 500


class Guarded:
    """The requests of one route."""

    def __init__(self, engine: Engine, route: str, idempotency: Idempotency, *, authenticated: bool) -> None:
        self._engine = engine
        self._names = (b"authorization", b"cookie", b"x-api-key") if authenticated else (b"authorization",)
        self._route = route
        self._policy = idempotency

    async def answer(self, request: Request, run: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
        """The response of the first request with this key, or of `run`, which is then recorded.

        A response of 500 or more, one that streams, and a request that is cut are not recorded: the next
        one runs. What the handler committed before it was cut stays.
        """
        key = _header(request, self._policy.header.encode())
        if not key:
            if not self._policy.required:
                return await run()
            return _refused(400, "idempotency.key_missing", f"expected a header {self._policy.header}")
        if len(key) > _LONGEST_KEY_CHARS:
            return _refused(400, "idempotency.key_too_long", f"at most {_LONGEST_KEY_CHARS} characters")
        engine = self._engine
        now_ms = engine.clock.now_ms()
        scope = self._scope(request)
        begin = BeginRequest(
            scope=scope,
            key=key,
            fingerprint=_fingerprint(request),
            node=engine.node_id,
            now_ms=now_ms,
            expires_at_ms=now_ms + round(self._policy.window_s * 1000),
        )
        try:
            (found,) = await engine.backend.commit(Batch((begin,)))
        except BackendError as error:
            return problem(503, code=error.code)
        if isinstance(found, RecordedResponse):
            headers = [(n.encode(), v.encode("latin-1")) for n, v in encoding.decode(found.headers)]
            return HttpResponse(found.status, [*headers, (b"idempotency-replayed", b"true")], found.body)
        if found == "in_flight":
            return _refused(409, "idempotency.in_flight", "the first request with this key is still running")
        if found == "mismatch":
            return _refused(422, "idempotency.mismatch", "this key came with another request before")
        response = None
        try:
            response = await run()
        finally:
            end = EndRequest(scope=scope, key=key, node=engine.node_id, response=_recorded(response))
            if response is None:
                # Cut: nobody waits for this any more.
                engine.background(self._record(end))
        try:
            # Before the client learns of it: a repeat after that finds it.
            await engine.backend.commit(Batch((end,)))
        except BackendError as error:
            engine.report(f"{self._route}: its response could not be recorded yet: {error}", "error")
            engine.background(self._record(end))
        return response

    async def _record(self, end: EndRequest) -> None:
        """Store how a request ended. Storage that refuses is asked again until this node stops: until then a
        repeat is told that the first is still running."""
        engine = self._engine
        while True:
            try:
                await engine.backend.commit(Batch((end,)))
                return
            except BackendError as error:
                if error.code == "backend.closed":
                    return
            await engine.clock.sleep(_RETRY_AFTER_S)

    def _scope(self, request: Request) -> str:
        """Keys of one caller and route: who has other credentials cannot read this one's response."""
        caller = "\n".join(_header(request, name) for name in self._names)
        return f"{request.method} {self._route} {hashlib.sha256(caller.encode()).hexdigest()[:32]}"


def _header(request: Request, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in request.headers if key == name), "")


def _fingerprint(request: Request) -> bytes:
    """Of everything that makes a request what it is."""
    digest = hashlib.sha256()
    for part in (request.path.encode("utf-8", "surrogateescape"), request.query_string, request.body):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def _recorded(response: HttpResponse | None) -> RecordedResponse | None:
    if response is None or response.status >= _SERVER_ERROR or not isinstance(response.body, bytes):
        return None
    headers = [[name.decode(), value.decode("latin-1")] for name, value in response.headers]
    return RecordedResponse(response.status, encoding.encode(headers), response.body)


def _refused(status: int, code: str, detail: str) -> HttpResponse:
    return problem(status, code=code, detail=detail)
