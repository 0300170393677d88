"""What a worker is told of a request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from motia.core.invocation import Invocation
from motia.core.message import TraceContext
from motia.core.occurrence import Request
from motia.core.step import Source, Step
from motia.core.trigger import HttpTrigger
from motia.runtimes.worker.plan import make_plan, params_text
from motia.runtimes.worker.values import ValueRefused

_INTEGER = {"type": "object", "properties": {"n": {"type": "integer"}}}


def told(query: bytes = b"", *, headers: Any = (), body: bytes = b"", **trigger: Any) -> Any:
    step = Step(
        name="Orders",
        source=Source(path="steps/orders.step.ts", line=1, language="typescript"),
        triggers=(HttpTrigger(method="POST", path="/orders/:id", **trigger),),
        handler="handler",
    )
    request = Request(
        method="POST",
        path="/orders/9007199254740993",
        route="/orders/:id",
        path_params={"id": "9007199254740993"},
        query_string=query,
        headers=headers,
        body=body,
        client="127.0.0.1",
    )
    invocation = Invocation(step, 0, request, TraceContext("0" * 32, "0" * 16, 0))
    return orjson.loads(params_text(make_plan(step, 0), invocation, deadline_ms=0, doubles=True))["request"]


def test_texts_arrive_as_they_came_however_many_digits_they_have() -> None:
    headers = ((b"x-id", b"90071992547409930000"), (b"x-id", b"caf\xe9"))
    assert told(b"a=1&a=2&b=%C3%A9", headers=headers) == {
        "method": "POST",
        "path": "/orders/9007199254740993",
        "route": "/orders/:id",
        "path_params": {"id": "9007199254740993"},
        "query_params": {"a": ["1", "2"], "b": "é"},
        "headers": {"x-id": "90071992547409930000, café"},
        "client": "127.0.0.1",
    }


def test_a_reserved_key_that_a_client_chose_is_escaped() -> None:
    assert told(b"$bytes=aGk%3D")["query_params"] == {"$literal": {"$bytes": "aGk="}}


def test_a_number_that_a_schema_made_must_fit_the_language() -> None:
    assert told(b"n=12", query_schema=_INTEGER)["query_params"] == {"n": 12}
    with pytest.raises(ValueRefused) as caught:
        told(b"n=9007199254740993", query_schema=_INTEGER)
    assert caught.value.details == {"path": "$.query_params.n"}


def test_a_body_comes_with_its_text() -> None:
    found = told(body=b'{"a": 1}', headers=((b"content-type", b"application/json"),))
    assert (found["body"], found["raw_body"]) == ({"a": 1}, '{"a": 1}')
    assert "body" not in told()
