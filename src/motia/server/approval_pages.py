"""The public side of approvals: a signed link answers with a form, as JSON, and takes the answer to it."""

from __future__ import annotations

from typing import Any

from motia.core.occurrence import Request
from motia.engine.approvals import Approvals
from motia.errors import InputError, MotiaError
from motia.http.problem import problem, problem_of
from motia.http.response import HttpResponse, to_response
from motia.server.gateway import GiveUp
from motia.workflow.approvals import PREFIX

_PRIVATE = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
]


class ApprovalEndpoint:
    """Answers requests for one link: `GET` says what is asked, `POST` answers it."""

    def __init__(self, approvals: Approvals, raw_path: str, max_body_bytes: int) -> None:
        self._approvals = approvals
        self._token = raw_path[len(PREFIX) :]
        self.max_body_bytes = max_body_bytes

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD, POST"})
        try:
            response = to_response({"status": 200, "body": await self._answer(request)})
        except MotiaError as error:
            response = problem_of(error)
        response.headers = [*response.headers, *_PRIVATE]
        return response

    async def _answer(self, request: Request) -> Any:
        if request.method != "POST":
            return await self._approvals.form(self._token)
        kind = next((value for name, value in request.headers if name.lower() == b"content-type"), b"")
        if kind.partition(b";")[0].strip().lower() != b"application/json":
            raise InputError(
                "answer: expected JSON, got another content type",
                code="input.unsupported_media_type",
                status=415,
                hint="send it with the header `Content-Type: application/json`",
            )
        await self._approvals.answer(self._token, request.body)
        return {"status": "accepted"}
