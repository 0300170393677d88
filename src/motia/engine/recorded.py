"""What is kept of an execution's input and output, for the console and for running it again."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from motia import encoding
from motia.core.invocation import Invocation, Outcome, Succeeded
from motia.core.occurrence import Occurrence, Request
from motia.errors import InputError
from motia.http.response import HttpResponse
from motia.tracing.describe import snapshot

_MOST_BYTES = 64 * 1024
"""Of larger bodies only the size is kept: what is cut off by the payload cap need not be parsed first."""


def details_of(
    invocation: Invocation, outcome: Outcome, response: HttpResponse | None, *, whole: bool
) -> dict[str, Any]:
    """Attributes of a span beside its ids. `whole` False keeps the input alone.

    Values that are `bytes` are JSON texts; the packer redacts and caps all of them.
    """
    occurrence = invocation.occurrence
    details: dict[str, Any] = {"input": input_of(occurrence)}
    if isinstance(occurrence, Request):
        details["method"] = occurrence.method
        details["route"] = occurrence.route
        if response is not None:
            details["http_status"] = response.status
    if whole:
        if response is not None:
            details["output"] = _answer(response)
        elif isinstance(outcome, Succeeded):
            details["output"] = snapshot(outcome.value)
    return details


def input_of(occurrence: Occurrence) -> Any:
    """What the handler was given, as JSON."""
    if not isinstance(occurrence, Request):
        return occurrence.payload
    headers: dict[str, str] = {}
    for name, value in occurrence.headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = parse_qs(occurrence.query_string.decode("latin-1"), keep_blank_values=True)
    return {
        "path": occurrence.path,
        "query": {name: values if len(values) > 1 else values[0] for name, values in query.items()},
        "headers": headers,
        "body": _body(occurrence.body, headers.get("content-type", "")),
    }


def _answer(response: HttpResponse) -> Any:
    kind = next((value for name, value in response.headers if name == b"content-type"), b"")
    body = response.body
    shown = _body(body, kind.decode("latin-1")) if isinstance(body, bytes) else {"$omitted": "a stream"}
    return {"status": response.status, "body": shown}


def _body(body: bytes, kind: str) -> Any:
    """The value of a JSON or text body; of any other, and of a large one, only its size: secrets in a form or
    a file have no names that could be looked for."""
    if not body:
        return None
    media_type = kind.partition(";")[0].strip().lower()
    if len(body) <= _MOST_BYTES:
        if media_type.endswith(("/json", "+json")):
            try:
                return encoding.decode(body)
            except InputError:
                return {"$omitted": "not JSON, whatever its type says", "bytes": len(body)}
        if media_type == "text/plain":
            return body.decode("utf-8", "replace")
    return {"$omitted": media_type or "no type", "bytes": len(body)}
