"""The public side of approvals: a signed link answers with a form, as JSON or as a page, and takes the answer
to it."""

from __future__ import annotations

from typing import Any

from motia.authoring.forms import parse_urlencoded
from motia.authoring.request import joined_headers
from motia.core.occurrence import Request
from motia.encoding import encode
from motia.engine.approvals import Approvals
from motia.errors import InputError, MotiaError
from motia.http.problem import problem, problem_of
from motia.http.response import HttpResponse, to_response
from motia.server.approval_form import answer_of, defaults_of
from motia.server.approval_html import question_page, refused_page, taken_page
from motia.server.gateway import GiveUp
from motia.workflow.approvals import PREFIX

_PRIVATE = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (b"vary", b"accept"),
]
_FORM = "application/x-www-form-urlencoded"


class ApprovalEndpoint:
    """Answers requests for one link: `GET` says what is asked, `POST` answers it."""

    def __init__(self, approvals: Approvals, raw_path: str, max_body_bytes: int) -> None:
        self._approvals = approvals
        self._token = raw_path[len(PREFIX) :]
        self.max_body_bytes = max_body_bytes

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD, POST"})
        headers = joined_headers(request.headers)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        for_person = _prefers_html(headers.get("accept", ""))
        try:
            if for_person and (request.method != "POST" or kind == _FORM):
                response = await self._for_person(request)
            else:
                response = to_response({"status": 200, "body": await self._answer(request, kind)})
        except MotiaError as error:
            response = refused_page(error) if for_person else problem_of(error)
        response.headers = [*response.headers, *_PRIVATE]
        return response

    async def _for_person(self, request: Request) -> HttpResponse:
        form = await self._approvals.form(self._token)
        if request.method != "POST":
            return question_page(form, defaults_of(form["schema"]))
        filled = parse_urlencoded(request.body)
        try:
            answer = answer_of(form["schema"], filled)
            await self._approvals.answer(self._token, encode(answer))
        except InputError as error:
            if error.code != "input.invalid":
                raise
            return question_page(form, filled, error)
        return taken_page()

    async def _answer(self, request: Request, kind: str) -> Any:
        if request.method != "POST":
            return await self._approvals.form(self._token)
        if kind != "application/json":
            raise InputError(
                "answer: expected JSON, got another content type",
                code="input.unsupported_media_type",
                status=415,
                hint="send it with the header `Content-Type: application/json`",
            )
        await self._approvals.answer(self._token, request.body)
        return {"status": "accepted"}


def _prefers_html(accept: str) -> bool:
    """Whether a person looks: a browser names `text/html` before it takes anything else."""
    weights = dict(_weighted(part) for part in accept.lower().split(","))
    return weights.get("text/html", 0.0) > weights.get("application/json", 0.0)


def _weighted(part: str) -> tuple[str, float]:
    media, _, parameters = part.partition(";")
    weight = parameters.partition("q=")[2].partition(";")[0].strip()
    try:
        return media.strip(), float(weight or 1)
    except ValueError:
        return media.strip(), 0.0
