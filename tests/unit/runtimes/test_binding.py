"""What handlers get: by position beside a `config`, by name where they are decorated."""
# ruff: noqa: B008 - markers are defaults by design

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
from contextlib import AsyncExitStack
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from motia.authoring.context import Context
from motia.authoring.depends import Body, Cookie, Depends, Header, Query
from motia.authoring.forms import UploadFile
from motia.authoring.request import Request
from motia.authoring.steps import multi_trigger_step
from motia.core import occurrence as core
from motia.core.trigger import CronTrigger, HttpTrigger, QueueTrigger, StateTrigger, Trigger
from motia.encoding import encode
from motia.errors import DefinitionError, InputError
from motia.runtimes.python.binding import bind_handler
from motia.schemas import schema_of

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

    from motia import FlowContext

CTX: Any = SimpleNamespace(name="the context")


class Order(BaseModel):
    sku: str
    quantity: int = Field(gt=0)


class Paging(BaseModel):
    page: int = 1
    tags: list[str] = []


class Colour(enum.Enum):
    RED = "red"


def request(
    body: Any = b"",
    *,
    method: str = "POST",
    query: str = "",
    content_type: str = "application/json",
    **params: str,
) -> core.Request:
    headers = [(b"x-token", b"t1"), (b"cookie", b"sid=s1")]
    if body and content_type:
        headers.append((b"content-type", content_type.encode()))
    return core.Request(
        method=method,
        path="/x",
        route="/x",
        path_params=params,
        query_string=query.encode(),
        headers=headers,
        body=body if isinstance(body, bytes) else encode(body),
    )


def message(payload: Any) -> core.Message:
    return core.Message(topic="t", payload=encode(payload), message_id="m")


def http(method: str = "POST", path: str = "/x", **schemas: Any) -> HttpTrigger:
    made = {f"{name}_schema": schema_of(source) for name, source in schemas.items()}
    return HttpTrigger(method=method, path=path, **made)


def queue(schema: Any = None) -> QueueTrigger:
    return QueueTrigger(topic="t", schema=schema_of(schema))


CRON = CronTrigger(expression="* * * * *")
TICK = core.Tick(scheduled_at_ms=0)


def call(function: Any, trigger: Trigger | None, occurrence: Any, dialect: Any = "function") -> Any:
    """What the handler returns, run as the runtime runs it."""
    bound = bind_handler(function, trigger, dialect=dialect)
    value = bound.input_of(occurrence)

    async def run() -> Any:
        async with AsyncExitStack() as stack:
            if bound.prepare is not None:
                values, keywords = await bound.prepare(value, CTX, stack)
                result = bound.function(*values, **keywords)
            else:
                result = bound.call(value, CTX)
            if hasattr(result, "__aiter__"):
                return [item async for item in result]
            return await result if asyncio.iscoroutine(result) else result

    return asyncio.run(run())


def refused(
    function: Any, trigger: Trigger | None, occurrence: Any, dialect: Any = "function"
) -> dict[str, str]:
    with pytest.raises(InputError) as error:
        call(function, trigger, occurrence, dialect)
    assert error.value.code == "input.invalid"
    assert error.value.http_status == 422
    return {item["path"]: item["message"] for item in error.value.details["errors"]}


# By position ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["triggers", "type"])
def test_handlers_get_as_many_arguments_as_they_take(dialect: Any) -> None:
    assert call(lambda: "none", queue(), message({"a": 1}), dialect) == "none"
    assert call(lambda x: x, queue(), message({"a": 1}), dialect) == {"a": 1}
    assert call(lambda x, c: (x, c), queue(), message({"a": 1}), dialect) == ({"a": 1}, CTX)
    assert call(lambda x, c=None: c, queue(), message({}), dialect) is CTX
    assert call(lambda *a: a, queue(), message(1), dialect) == (1, CTX)
    assert call(lambda x, c, more="default": more, queue(), message({}), dialect) == "default"


def test_cron_handlers_of_all_generations() -> None:
    def only_ctx(ctx: Any) -> Any:
        return ctx

    assert call(lambda context: context, CRON, TICK, "type") is CTX
    assert call(lambda anything: anything, CRON, TICK, "type") is CTX
    assert call(lambda _, ctx: (_, ctx), CRON, TICK, "type") == (None, CTX)
    assert call(lambda input: input, CRON, TICK, "triggers") is None
    assert call(only_ctx, CRON, TICK, "triggers") is CTX
    assert call(lambda input, ctx: (input, ctx), CRON, TICK, "triggers") == (None, CTX)


def test_a_single_parameter_hinted_as_context_is_it() -> None:
    def handler(c: Context) -> Any:
        return c

    def only_for_checkers(c: FlowContext[Any]) -> Any:  # type: ignore[type-arg, unused-ignore]
        return c

    assert call(handler, queue(), message({}), "triggers") is CTX
    assert call(only_for_checkers, queue(), message({}), "triggers") is CTX


def test_hints_mean_nothing_beside_a_config() -> None:
    def handler(order: Order, ctx: Unknown) -> Any:
        return order["sku"], order.sku

    config = queue(Order.model_json_schema())
    assert call(handler, config, message({"sku": "a", "quantity": 1}), "triggers") == ("a", "a")


def test_keyword_only_context() -> None:
    def handler(input: Any, *, ctx: Any) -> Any:
        return input, ctx

    assert call(handler, queue(), message(1), "triggers") == (1, CTX)


def test_parameters_that_nothing_can_fill_are_the_authors_error() -> None:
    def handler(input: Any, ctx: Any, third: Any) -> None: ...

    with pytest.raises(DefinitionError, match="third") as error:
        bind_handler(handler, queue(), dialect="triggers")
    assert error.value.path == __file__
    assert error.value.line == handler.__code__.co_firstlineno


def test_http_handlers_get_the_request_with_its_schema_enforced() -> None:
    def handler(req: Any, ctx: Any) -> Any:
        return req.get("body"), req["pathParams"]["id"], req.queryParams

    trigger = http(path="/x/:id", body={"name": str, "n": int | None}, query={"page": int})
    found = call(handler, trigger, request({"name": "a", "x": 1}, query="page=2", id="7"), "triggers")
    assert found == ({"name": "a", "x": 1, "n": None}, "7", {"page": 2})
    assert set(refused(handler, trigger, request({"name": 1}, query="page=2", id="7"), "type")) == {"name"}
    assert set(refused(handler, trigger, request(query="page=x", id="7"), "type")) == {"page"}


def test_a_request_without_a_body_skips_the_body_schema() -> None:
    assert call(lambda req: req.get("body", {}), http("DELETE", body=Order), request(), "triggers") == {}


def test_a_form_is_checked_by_the_body_schema() -> None:
    form = request(b"sku=a&quantity=2", content_type="application/x-www-form-urlencoded")
    for source in (Order, Order.model_json_schema()):
        assert call(lambda req: req.body, http(body=source), form, "triggers") == {"sku": "a", "quantity": 2}
    bad = request(b"sku=a&quantity=0", content_type="application/x-www-form-urlencoded")
    assert set(refused(lambda req: req.body, http(body=Order), bad, "triggers")) == {"quantity"}


def test_json_without_a_content_type_is_json_and_other_content_is_refused() -> None:
    bare = request({"sku": "a", "quantity": 1}, content_type="")
    assert call(lambda req: req.body["sku"], http(body=Order), bare, "triggers") == "a"
    with pytest.raises(InputError) as error:
        call(lambda req: req.body, http(body=Order), request(b"\x00", content_type="image/png"), "triggers")
    assert error.value.http_status == 415


def test_a_payload_reads_as_dict_and_as_attributes() -> None:
    assert call(
        lambda x: (x.get("k"), x["k"], x.k, isinstance(x, dict)), queue(), message({"k": 1}), "type"
    ) == (
        1,
        1,
        1,
        True,
    )
    assert call(lambda x: x, queue(), message([1]), "type") == [1]


def test_a_payload_is_checked_by_the_schema() -> None:
    assert set(refused(lambda x: x, queue(Order), message({"sku": "a"}), "triggers")) == {"quantity"}


def test_state_changes_answer_to_every_name() -> None:
    change = {"type": "state", "event_type": "created", "group_id": "s", "item_id": "k", "old_value": None}
    occurrence = core.StateChange(payload=encode({**change, "new_value": {"n": 1}}))

    def handler(e: Any) -> Any:
        return (
            e.scope,
            e.key,
            e["groupId"],
            e.itemId,
            e.get("new_value"),
            e.newValue,
            e.get("oldValue"),
            "key" in e,
        )

    value = {"n": 1}
    assert call(handler, StateTrigger(), occurrence, "triggers") == (
        "s",
        "k",
        "s",
        "k",
        value,
        value,
        None,
        True,
    )

    def by_name(key: str, new_value: dict[str, int], oldValue: Any, scope: Any) -> Any:
        return key, new_value, oldValue, scope

    assert call(by_name, StateTrigger(), occurrence) == ("k", {"n": 1}, None, "s")


def test_a_multi_trigger_step_binds_the_function_of_the_trigger() -> None:
    config = {"name": "a", "triggers": [{"type": "queue", "topic": "t"}, {"type": "cron"}]}
    built = (
        multi_trigger_step(config).on_queue(lambda input: ("queue", input)).on_cron(lambda ctx: ("cron", ctx))
    )
    handler = built.handlers().handler
    assert call(handler, queue(), message(1), "triggers") == ("queue", 1)
    assert call(handler, CRON, TICK, "triggers") == ("cron", CTX)


def test_callables_of_all_kinds_are_handlers() -> None:
    class Handler:
        async def __call__(self, input: Any, ctx: Any) -> Any:
            return input

    async def scaled(by: int, input: Any) -> Any:
        return by * input

    def wrapper(*arguments: Any) -> Any:
        return scaled(2, arguments[0])

    assert bind_handler(Handler(), queue(), dialect="triggers").is_async
    assert call(Handler(), queue(), message(1), "triggers") == 1
    partial = functools.partial(scaled, 3)
    assert bind_handler(partial, queue(), dialect="triggers").is_async
    assert call(partial, queue(), message(2), "triggers") == 6
    assert not bind_handler(wrapper, queue(), dialect="function").is_async
    assert call(wrapper, queue(), message(2), "function") == 4


# By name: http ----------------------------------------------------------------------------------------


def test_one_model_is_the_body() -> None:
    async def create(order: Order) -> Any:
        return order

    async def with_context(order: Order, ctx: Context) -> Any:
        return order.quantity, ctx

    body = {"sku": "a", "quantity": "2"}
    assert call(create, http(), request(body)) == Order(sku="a", quantity=2)
    assert call(with_context, http(body=Order), request(body)) == (2, CTX)
    assert set(refused(create, http(), request({"sku": "a", "quantity": 0}))) == {"quantity"}
    assert refused(create, http(), request()) == {"": "A body is required"}
    with pytest.raises(InputError) as error:
        call(create, http(), request(b"{"))
    assert (error.value.code, error.value.http_status) == ("json.malformed", 400)
    form = request(b"sku=a&quantity=2", content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert call(create, http(), form) == Order(sku="a", quantity=2)
    with pytest.raises(InputError) as error:
        call(create, http(), request(b"{}", content_type="text/plain"))
    assert error.value.http_status == 415


def test_an_optional_body_may_be_missing() -> None:
    async def create(order: Order | None) -> Any:
        return order

    async def with_default(order: Order = Order(sku="d", quantity=1)) -> Any:
        return order.sku

    assert call(create, http(), request()) is None
    assert call(with_default, http(), request()) == "d"


def test_what_middleware_put_into_the_body_is_what_the_parameter_gets() -> None:
    async def create(order: Order) -> Any:
        return order.sku

    bound = bind_handler(create, http(), dialect="function")
    view = bound.input_of(request({"sku": "a", "quantity": 1}))
    view["body"] = {**view["body"], "sku": "changed"}
    assert asyncio.run(bound.call(view, CTX)) == "changed"


def test_dataclasses_and_lists_are_bodies() -> None:
    @dataclasses.dataclass
    class Size:
        width: int

    def area(size: Size) -> Any:
        return size.width

    def many(orders: list[Order]) -> Any:
        return [order.sku for order in orders]

    def anything(document: dict[str, Any]) -> Any:
        return document

    # Local names: hints are read from the function itself, as the compiler left them.
    area.__annotations__["size"] = Size
    assert call(area, http(), request({"width": 3})) == 3
    assert call(many, http(), request([{"sku": "a", "quantity": 1}])) == ["a"]
    assert call(anything, http(), request({"a": {"b": 1}})) == {"a": {"b": 1}}


def test_path_and_query_are_typed() -> None:
    def get(
        id: UUID,
        page: int = 1,
        tags: list[int] = (),  # type: ignore[assignment]
        colour: Colour | None = None,
        since: datetime | None = None,
    ) -> Any:
        return id, page, tags, colour, since

    uuid = "12345678-1234-5678-1234-567812345678"
    trigger = http("GET", "/x/:id")
    query = "page=2&tags=1&tags=2&colour=red&since=2026-01-02T03:04:05Z"
    found = call(get, trigger, request(method="GET", query=query, id=uuid))
    assert found[:4] == (UUID(uuid), 2, [1, 2], Colour.RED)
    assert found[4].year == 2026
    assert call(get, trigger, request(method="GET", query="tags=5", id=uuid))[2] == [5]
    assert set(refused(get, trigger, request(query="page=x&colour=blue", id="nope"))) == {
        "id",
        "page",
        "colour",
    }


def test_a_missing_field_is_named() -> None:
    def get(name: str, page: int) -> Any: ...

    assert refused(get, http("GET"), request(query="page=1")) == {"name": "Field required"}


def test_fields_of_a_body_bind_by_name() -> None:
    def create(name: str, tags: list[str], age: int = 0) -> Any:
        return name, tags, age

    assert call(create, http(), request({"name": "a", "tags": ["x"], "age": "3", "more": 1})) == (
        "a",
        ["x"],
        3,
    )
    assert call(create, http(), request({"tags": []}, query="name=q")) == ("q", [], 0)
    assert set(refused(create, http(), request({"tags": "x", "age": "y"}))) == {"name", "age"}


def test_extra_fields_go_to_keywords_and_nowhere_else() -> None:
    def create(name: str, **rest: Any) -> Any:
        return name, rest

    assert call(create, http(), request({"name": "a", "b": 1})) == ("a", {"b": 1})
    assert call(create, queue(), message({"name": "a", "b": 1})) == ("a", {"b": 1})


def test_special_names() -> None:
    def handler(body: Any, req: Any, ctx: Any, input: Any, headers: Any, query_params: Any) -> Any:
        return body, req is input, ctx, headers["x-token"], query_params

    found = call(handler, http(), request({"a": 1}, query="b=2"))
    assert found == ({"a": 1}, True, CTX, "t1", {"b": "2"})

    def typed(request: Request, context: Context, body: Order) -> Any:
        return request.method, context, body.sku

    assert call(typed, http(), request({"sku": "a", "quantity": 1})) == ("POST", CTX, "a")


def test_markers_say_where_a_parameter_comes_from() -> None:
    def handler(
        x_token: str = Header(),
        agent: Annotated[str, Header("none", alias="User-Agent")] = "hint",
        sid: str = Cookie(),
        size: int = Query(alias="n"),
        note: str = Body(alias="note"),
        paging: Paging = Query(),
    ) -> Any:
        return x_token, agent, sid, size, note, paging

    found = call(handler, http(), request({"note": "hi"}, query="n=3&page=2&tags=a"))
    assert found == ("t1", "hint", "s1", 3, "hi", Paging(page=2, tags=["a"]))


def test_markers_limit_their_parameters() -> None:
    def search(
        limit: int = Query(10, ge=1, le=100),
        name: Annotated[str | None, Query(min_length=2)] = None,
        key: str = Header(alias="x-token", pattern="^t"),
    ) -> Any:
        return limit, name, key

    trigger = http("GET", "/x")
    assert call(search, trigger, request(method="GET")) == (10, None, "t1")
    assert call(search, trigger, request(method="GET", query="limit=100&name=ab")) == (100, "ab", "t1")
    assert set(refused(search, trigger, request(query="limit=0&name=a"))) == {"limit", "name"}
    with pytest.raises(DefinitionError, match="got gee") as caught:
        Query(1, gee=2)  # type: ignore[call-arg]  # what mypy would not let through
    assert caught.value.hint == "did you mean 'ge'?"


def test_a_model_on_a_get_is_the_query() -> None:
    def search(paging: Paging) -> Any:
        return paging.page, paging.tags

    assert call(search, http("GET"), request(method="GET", query="page=3&tags=a")) == (3, ["a"])
    assert set(refused(search, http("GET"), request(method="GET", query="page=x"))) == {"page"}


def test_a_model_beside_scalars_leaves_them_the_query() -> None:
    def update(id: int, order: Order, dry: bool = False) -> Any:
        return id, order.sku, dry

    occurrence = request({"sku": "a", "quantity": 1}, query="dry=true", id="4")
    assert call(update, http("PUT", "/x/{id}"), occurrence) == (4, "a", True)


def test_two_models_are_two_fields() -> None:
    def create(order: Order, paging: Paging) -> Any:
        return order.sku, paging.page

    body = {"order": {"sku": "a", "quantity": 1}, "paging": {"page": 2}}
    assert call(create, http(), request(body)) == ("a", 2)
    assert set(refused(create, http(), request({"order": {"sku": "a"}}))) == {"order.quantity", "paging"}


def test_uploads_are_fields() -> None:
    def upload(file: UploadFile, title: str) -> Any:
        return file.filename, file.data, title

    body = (
        b'--B\r\ncontent-disposition: form-data; name="title"\r\n\r\nhello\r\n'
        b'--B\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"content-type: text/plain\r\n\r\ndata\r\n--B--\r\n"
    )
    occurrence = request(body, content_type="multipart/form-data; boundary=B")
    assert call(upload, http(), occurrence) == ("a.txt", b"data", "hello")
    assert call(lambda req: req.body["title"], http(body={"title": str}), occurrence, "triggers") == "hello"
    json_schema = {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"]}
    found = call(lambda req: req.body["file"], http(body=json_schema), occurrence, "triggers")
    assert found.data == b"data"


def test_a_hint_that_cannot_be_read_is_the_authors_error() -> None:
    def create(order: Unknown) -> None: ...

    with pytest.raises(DefinitionError, match="Unknown") as error:
        bind_handler(create, http(), dialect="function")
    assert error.value.hint is not None


# By name: messages ------------------------------------------------------------------------------------


def test_fields_of_a_message_bind_by_name() -> None:
    async def analyze(userId: str, actions: list, metadata: dict) -> Any:  # type: ignore[type-arg]
        return userId, actions, metadata

    trigger = queue({"userId": str, "actions": list, "metadata": dict})
    payload = {"userId": "u", "actions": ["a"], "metadata": {"k": 1}}
    assert call(analyze, trigger, message({**payload, "extra": 1})) == ("u", ["a"], {"k": 1})
    assert set(refused(analyze, trigger, message({"userId": "u"}))) == {"actions", "metadata"}
    assert set(refused(analyze, queue(), message({"userId": "u"}))) == {"actions", "metadata"}
    assert set(refused(analyze, queue(), message(None))) == {"userId", "actions", "metadata"}
    assert call(analyze, None, core.ManualCall(payload=encode(payload))) == ("u", ["a"], {"k": 1})


def test_a_model_is_the_whole_message() -> None:
    async def handle(order: Order, ctx: Context) -> Any:
        return order.sku, ctx

    assert call(handle, queue(), message({"sku": "a", "quantity": 1})) == ("a", CTX)
    assert call(handle, queue(Order), message({"sku": "a", "quantity": 1})) == ("a", CTX)
    assert set(refused(handle, queue(), message({"sku": "a"}))) == {"quantity"}


@pytest.mark.parametrize("name", ["data", "payload", "event", "message", "order", "_"])
def test_one_parameter_without_a_type_is_the_whole_message(name: str) -> None:
    function = eval(f"lambda {name}, ctx: ({name}, ctx)")
    assert call(function, queue(), message({"a": 1})) == ({"a": 1}, CTX)


def test_a_declared_field_is_that_field_under_any_name() -> None:
    def send(to: str, body: str, data: dict[str, int]) -> Any:
        return to, body, data

    trigger = queue({"to": str, "body": str, "data": dict})
    assert call(send, trigger, message({"to": "a", "body": "b", "data": {"n": 1}})) == ("a", "b", {"n": 1})

    def one(order: dict[str, Any]) -> Any:
        return order

    assert call(one, queue({"order": dict}), message({"order": {"a": 1}})) == {"a": 1}


def test_a_whole_message_hinted_as_dict_must_be_an_object() -> None:
    def handle(order: dict[str, Any]) -> Any:
        return order.get("a")

    assert call(handle, queue(), message({"a": 1})) == 1
    assert refused(handle, queue(), message([1])) == {"": "Input should be an object"}


def test_ticks_bring_nothing_but_the_context() -> None:
    def report(ctx: Any, day: str = "today") -> Any:
        return ctx, day

    assert call(report, CRON, TICK) == (CTX, "today")
    assert call(lambda: 1, CRON, TICK) == 1
    assert call(lambda _, ctx: (_, ctx), CRON, TICK) == (None, CTX)
    with pytest.raises(DefinitionError, match="'day'"):
        bind_handler(lambda day, other: 1, CRON, dialect="function")


def test_strict_models_take_from_a_message_what_json_can_say() -> None:
    class Strict(BaseModel, strict=True):
        at: datetime

    def handle(change: Any) -> Any:
        return change.at.year

    handle.__annotations__["change"] = Strict
    assert call(handle, queue(), message({"at": "2026-01-02T00:00:00Z"})) == 2026


# Dependencies -----------------------------------------------------------------------------------------


def test_dependencies_are_resolved_once_and_torn_down_in_reverse() -> None:
    log: list[str] = []

    async def settings() -> str:
        log.append("settings")
        return "s"

    def connection(value: str = Depends(settings)) -> Any:
        log.append("open")
        yield f"connection({value})"
        log.append("close")

    async def transaction(connected: str = Depends(connection), x_token: str = Header()) -> Any:
        log.append("begin")
        yield f"{connected}/{x_token}"
        log.append("end")

    async def handler(
        order: Order, first: str = Depends(transaction), again: str = Depends(connection)
    ) -> Any:
        log.append("handler")
        return first, again, order.sku

    found = call(handler, http(), request({"sku": "a", "quantity": 1}))
    assert found == ("connection(s)/t1", "connection(s)", "a")
    assert log == ["settings", "open", "begin", "handler", "end", "close"]


def test_a_dependency_that_is_not_shared_is_called_each_time() -> None:
    made: list[int] = []

    def number() -> int:
        made.append(1)
        return len(made)

    def handler(
        a: int = Depends(number), b: int = Depends(number), c: int = Depends(number, use_cache=False)
    ) -> Any:
        return a, b, c

    assert call(handler, queue(), message({})) == (1, 1, 2)


def test_nothing_is_opened_for_arguments_that_are_refused() -> None:
    opened: list[int] = []

    def handler(n: int, resource: Any = Depends(lambda: opened.append(1))) -> None: ...

    assert set(refused(handler, http("GET"), request(query="n=x"))) == {"n"}
    assert opened == []


def test_a_dependency_sees_the_failure_of_the_handler() -> None:
    seen: list[str] = []

    async def resource() -> Any:
        try:
            yield 1
        except ValueError as error:
            seen.append(str(error))
            raise

    async def handler(value: int = Depends(resource)) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        call(handler, queue(), message({}))
    assert seen == ["broken"]


def test_a_stream_keeps_its_dependencies_until_its_end() -> None:
    log: list[str] = []

    async def resource() -> Any:
        yield "r"
        log.append("closed")

    async def numbers(value: str = Depends(resource)) -> Any:
        yield value
        log.append("last")

    assert call(numbers, http("GET"), request(method="GET")) == ["r"]
    assert log == ["last", "closed"]


def test_a_sync_handler_may_have_async_dependencies_but_not_a_sync_generator() -> None:
    async def number() -> int:
        return 4

    def handler(n: int = Depends(number)) -> Any:
        return n

    def generator(n: int = Depends(number)) -> Any:
        yield n

    bound = bind_handler(handler, queue(), dialect="function")
    assert not bound.is_async
    assert call(handler, queue(), message({})) == 4
    with pytest.raises(DefinitionError, match="number"):
        bind_handler(generator, queue(), dialect="function")


def test_dependencies_in_a_circle_are_refused() -> None:
    def first(value: Any = None) -> Any: ...

    def second(value: Any = Depends(first)) -> Any: ...

    first.__defaults__ = (Depends(second),)
    with pytest.raises(DefinitionError, match="first → second → first"):
        bind_handler(first, queue(), dialect="function")


def test_handlers_tell_what_they_are() -> None:
    async def coroutine() -> None: ...

    async def stream() -> Any:
        yield 1

    def plain() -> None: ...

    assert [bind_handler(f, None, dialect="function").is_async for f in (coroutine, stream, plain)] == [
        True,
        True,
        False,
    ]
