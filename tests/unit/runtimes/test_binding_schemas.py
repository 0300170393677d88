"""The schemas that type hints say."""
# ruff: noqa: B008 - markers are defaults by design

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from motia.authoring.depends import Depends, Query
from motia.authoring.results import Response
from motia.runtimes.python.signature import signature_schemas
from motia.schemas import schema_of


class Order(BaseModel):
    sku: str


class Created(BaseModel):
    id: str


POST = {"type": "http", "method": "POST", "path": "/orders/:id"}
GET = {"type": "http", "method": "GET", "path": "/orders/{id}"}


def test_a_model_documents_body_and_response() -> None:
    async def create(order: Order, ctx: Any) -> Created: ...  # type: ignore[empty-body]

    found = signature_schemas(create, {**POST, "path": "/orders"})
    assert set(found) == {"body", "response"}
    assert found["body"].source is Order
    assert found["body"].from_hints
    assert "id" in found["response"]["properties"]


def test_path_and_query_are_documented() -> None:
    def get(id: int, page: int = 1, *, q: str) -> dict[str, Any]: ...  # type: ignore[empty-body]

    found = signature_schemas(get, GET)
    assert found["params"]["properties"]["id"]["type"] == "integer"
    assert set(found["query"]["properties"]) == {"page", "q"}
    assert found["query"]["required"] == ["q"]
    assert found["response"]["type"] == "object"


def test_a_query_model_is_documented() -> None:
    def search(filters: Order, more: Order = Query()) -> None: ...

    trigger = {"type": "api", "method": "get", "path": "/"}
    assert signature_schemas(search, trigger)["query"].source is Order


def test_fields_of_a_message_are_documented() -> None:
    def handle(userId: str, n: int = 0) -> None: ...

    found = signature_schemas(handle, {"type": "queue", "topic": "t"})
    assert set(found) == {"input"}
    assert found["input"]["required"] == ["userId"]
    given = {"type": "event", "topic": "t", "input": schema_of({"userId": str, "n": int})}
    assert set(signature_schemas(handle, given)["input"]["properties"]) == {"userId", "n"}


def test_nothing_is_documented_where_hints_say_nothing() -> None:
    def handler(req: Any, ctx: Any) -> Response: ...  # type: ignore[empty-body]

    async def events(resource: Any = Depends(lambda: 1)) -> AsyncIterator[str]:
        yield ""

    assert signature_schemas(handler, POST) == {}
    assert signature_schemas(events, GET) == {}
    assert signature_schemas(lambda ctx: None, {"type": "cron", "expression": "* * * * *"}) == {}
