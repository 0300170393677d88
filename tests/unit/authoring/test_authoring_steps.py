from __future__ import annotations

import functools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from motia import (
    Enqueue,
    QueryParam,
    StepConfig,
    StepDefinition,
    api,
    at,
    cron,
    event,
    http,
    multi_trigger_step,
    noop,
    queue,
    state,
    step,
    stream,
)
from motia.authoring.triggers import ApiTrigger, CronTrigger, QueueTrigger
from motia.discovery.dialects import to_step
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition


def is_new(input: Any) -> bool:
    return True


async def handler(input: Any, ctx: Any) -> Any:
    return input


def definitions(function: Any) -> list[dict[str, Any]]:
    return function.__dict__["__motia_definitions__"]  # type: ignore[no-any-return]


def discovered(config: dict[str, Any]) -> Any:
    definition = Definition(
        kind="step", path="a_step.py", line=1, language="python", config=config, handler="a_step.py#f"
    )
    found = to_step(definition)
    assert not found.problems
    assert not found.notices
    assert found.step is not None
    return found.step


# Triggers


def test_a_trigger_says_only_what_was_given() -> None:
    assert http("POST", "/orders").to_config() == {"type": "http", "method": "POST", "path": "/orders"}
    assert queue("order.created", condition=is_new, retries=0, timeout="5m").to_config() == {
        "type": "queue",
        "topic": "order.created",
        "condition": is_new,
        "retries": 0,
        "timeout": "5m",
    }
    assert cron("0 9 * * *", timezone="Europe/Berlin", missed="once", overlap="allow").to_config() == {
        "type": "cron",
        "expression": "0 9 * * *",
        "timezone": "Europe/Berlin",
        "missed": "once",
        "overlap": "allow",
    }
    assert state("orders", "a", condition=is_new).to_config() == {
        "type": "state",
        "scope": "orders",
        "key": "a",
        "condition": is_new,
    }
    assert stream("todo", group_id="inbox", item_id="1").to_config() == {
        "type": "stream",
        "stream_name": "todo",
        "group_id": "inbox",
        "item_id": "1",
    }
    assert at("2030-01-01T00:00:00Z", delay=timedelta(seconds=1)).to_config() == {
        "type": "at",
        "at": "2030-01-01T00:00:00Z",
        "delay": timedelta(seconds=1),
    }


def test_queue_takes_the_names_of_every_version() -> None:
    assert queue("a", schema={"id": str}).input == {"id": str}
    assert queue("a", input=dict, schema=list).input is dict
    assert queue("a", config={"maxRetries": 5}, infrastructure={"queue": {"type": "fifo"}}).config == {
        "queue": {"type": "fifo"},
        "maxRetries": 5,
    }


def test_state_takes_a_condition_first_as_in_javascript() -> None:
    assert state(is_new).to_config() == {"type": "state", "condition": is_new}


def test_http_takes_one_middleware_alone_and_query_parameters_as_values() -> None:
    trigger = http("GET", "/x", middleware=handler, query_params=[QueryParam(name="q"), {"name": "page"}])
    assert trigger.to_config()["middleware"] == (handler,)
    assert trigger.to_config()["query_params"] == [{"name": "q", "description": ""}, {"name": "page"}]


def test_http_documents_the_security_scheme_of_its_auth() -> None:
    auth = SimpleNamespace(security={"bearer": {"type": "http", "scheme": "bearer"}})
    assert http("GET", "/x", auth=auth).to_config()["security"] == auth.security


def test_triggers_are_values() -> None:
    assert queue("a", retries=1) == queue("a", retries=1)
    assert queue("a") != queue("b")
    assert queue("a") != event("b")
    assert "order.created" in repr(queue("order.created"))
    with pytest.raises(AttributeError):
        queue("a").topic = "b"
    with pytest.raises(AttributeError):
        queue("a").nonsense  # noqa: B018


def test_trigger_classes_take_both_spellings_and_refuse_unknown_keys() -> None:
    assert ApiTrigger(method="GET", path="/x", bodySchema=dict).body_schema is dict
    assert QueueTrigger(type="event", topic="a") == queue("a")
    with pytest.raises(DefinitionError, match="got colour"):
        QueueTrigger(topic="a", colour="red")
    with pytest.raises(DefinitionError, match="got ratelimit") as refused:
        QueueTrigger(topic="a", ratelimit="1/s")
    assert refused.value.hint == "did you mean 'rate_limit'?"
    with pytest.raises(DefinitionError, match="expected type 'queue', got 'http'"):
        QueueTrigger(type="http", topic="a")


@pytest.mark.parametrize(
    "write", [lambda: queue(7), lambda: http("GET", None), lambda: cron(5), lambda: stream(b"a")]
)
def test_a_misused_trigger_names_the_authors_line(write: Any) -> None:
    with pytest.raises(DefinitionError) as refused:
        write()
    assert refused.value.path == __file__
    assert refused.value.line == write.__code__.co_firstlineno
    assert refused.value.hint


# @step


def test_step_leaves_the_function_and_names_the_step_after_it() -> None:
    @step(http("POST", "/orders"), queue("retry"), enqueues=["order.created"], flows=["shop"])
    async def create_order(order: dict[str, Any]) -> Any:
        """Take an order.

        And more.
        """

    assert create_order.__name__ == "create_order"
    assert definitions(create_order) == [
        {
            "name": "create_order",
            "dialect": "function",
            "triggers": [
                {"type": "http", "method": "POST", "path": "/orders"},
                {"type": "queue", "topic": "retry"},
            ],
            "flows": ["shop"],
            "enqueues": ["order.created"],
            "description": "Take an order.",
        }
    ]


def test_step_without_arguments_is_run_by_hand() -> None:
    @step
    def plain(x: int) -> int:
        return x + 1

    assert definitions(plain) == [{"name": "plain", "dialect": "function", "triggers": []}]
    assert plain(1) == 2


def test_one_text_is_a_list_of_one() -> None:
    @step(queue("a"), name="b", flows="shop", enqueues="order.created", emits=Enqueue(topic="c"))
    def b() -> None: ...

    assert definitions(b)[0]["flows"] == ["shop"]
    assert definitions(b)[0]["enqueues"] == ["order.created", Enqueue(topic="c")]


def test_several_decorators_are_several_steps_and_a_wrapper_adds_to_its_own() -> None:
    @api(id="get-a", method="GET", path="/a")
    @event(id="do-a", schema={"id": str})
    def run() -> None: ...

    @cron(id="tick", schedule="* * * * *")
    @functools.wraps(run)
    def wrapper() -> None: ...

    assert [one["name"] for one in definitions(run)] == ["do-a", "get-a"]
    assert [one["name"] for one in definitions(wrapper)] == ["do-a", "get-a", "tick"]


def test_step_takes_triggers_as_dicts_and_refuses_the_rest() -> None:
    @step({"type": "queue", "topic": "a"})
    def from_dict() -> None: ...

    assert definitions(from_dict)[0]["triggers"] == [{"type": "queue", "topic": "a"}]
    with pytest.raises(DefinitionError, match="expected a trigger, got 'order"):
        step("order.created")  # type: ignore[call-overload]


def test_what_step_declares_is_what_discovery_finds() -> None:
    @step(
        http("GET", "/users/{id}", timeout="30s"), queue("a", attempts=2), cron("@daily"), state("s"), at(2e9)
    )
    def many(id: str) -> None: ...

    found = discovered(
        {
            **definitions(many)[0],
            "triggers": [
                {k: v for k, v in t.items() if not callable(v)} for t in definitions(many)[0]["triggers"]
            ],
        }
    )
    assert found.dialect == "function"
    assert [trigger.kind for trigger in found.triggers] == ["http", "queue", "cron", "state", "at"]
    assert found.triggers[0].path == "/users/:id"
    assert found.triggers[0].timeout_s == 30
    assert found.triggers[1].policy.retry.attempts == 2


# @api, @cron, @event, @noop


def test_api_and_cron_are_triggers_with_a_first_argument() -> None:
    assert api("GET", "/x") == http("GET", "/x")
    assert isinstance(cron("* * * * *"), CronTrigger)
    assert event("a", retries=1) == queue("a", retries=1)


def test_api_decorates_a_function() -> None:
    @api(
        id="create-user",
        method="POST",
        path="/users",
        schema={"body": {"name": str}},
        emits=["a"],
        concurrency=3,
    )
    def create(body: Any) -> None: ...

    assert definitions(create) == [
        {
            "name": "create-user",
            "dialect": "function",
            "triggers": [
                {
                    "type": "http",
                    "method": "POST",
                    "path": "/users",
                    "schema": {"body": {"name": str}},
                    "concurrency": 3,
                }
            ],
            "enqueues": ["a"],
        }
    ]


def test_event_listens_to_its_id_unless_told_otherwise() -> None:
    @event(id="analyze", schema={"userId": str}, maxRetries=2, concurrency=4)
    def analyze(userId: str) -> None: ...

    @event(id="audit", subscribes=["a", "b"])
    def audit() -> None: ...

    config = definitions(analyze)[0]
    assert config["triggers"] == [
        {"type": "queue", "topic": "analyze", "input": {"userId": str}, "concurrency": 4, "maxRetries": 2}
    ]
    plain = {**config, "triggers": [{**config["triggers"][0], "input": {"type": "object"}}]}
    policy = discovered(plain).triggers[0].policy
    assert (policy.concurrency, policy.retry.attempts) == (4, 3)
    assert [trigger["topic"] for trigger in definitions(audit)[0]["triggers"]] == ["a", "b"]


def test_cron_takes_a_schedule_or_an_expression() -> None:
    @cron(id="daily", schedule="0 9 * * *", timezone="UTC")
    def daily() -> None: ...

    @cron("*/5 * * * *", id="often")  # type: ignore[call-overload,untyped-decorator]
    def often() -> None: ...

    assert definitions(daily)[0]["triggers"] == [
        {"type": "cron", "expression": "0 9 * * *", "timezone": "UTC"}
    ]
    assert definitions(often)[0]["triggers"] == [{"type": "cron", "expression": "*/5 * * * *"}]
    assert definitions(often)[0]["name"] == "often"


def test_noop_has_no_triggers() -> None:
    @noop(id="approve", description="A person decides", virtual_subscribes=["a"], virtual_enqueues=["b"])
    def approve() -> None: ...

    assert discovered(definitions(approve)[0]).virtual_subscribes == ("a",)
    assert definitions(approve)[0]["triggers"] == []


class Service:
    def method(self) -> None: ...


@pytest.mark.parametrize(
    "write",
    [
        lambda: api(id="x", path="/x"),  # type: ignore[call-overload]
        lambda: api(handler),  # type: ignore[call-overload]
        lambda: cron(id="x"),  # type: ignore[call-overload]
        lambda: event(id=7),  # type: ignore[call-overload]
        lambda: event(id="x")("not a function"),
        lambda: step({"name": "a", "triggers": []}, "not a function"),  # type: ignore[call-overload]
        lambda: step({"name": "a", "triggers": ["order.created"]}),
        lambda: step(http("GET", "/x"))(functools.partial(handler, None)),
        lambda: step(http("GET", "/x"))(Service),
        lambda: step(http("GET", "/x"))(Service.method),
    ],
)
def test_a_misused_definition_is_an_error_with_a_place(write: Any) -> None:
    with pytest.raises(DefinitionError) as refused:
        write()
    assert refused.value.path == __file__


# step(config, handler)


def test_step_joins_a_config_and_a_handler() -> None:
    given = {"name": "a", "triggers": [queue("t")], "enqueues": []}
    definition = step(given, handler)
    config, found = definition
    assert config == {"name": "a", "triggers": [{"type": "queue", "topic": "t"}], "enqueues": []}
    assert found is handler
    assert given["triggers"] == [queue("t")]
    assert step(given).handle(handler) == definition


def test_a_builder_decorates() -> None:
    @step({"name": "a", "triggers": []})
    def run(input: Any, ctx: Any) -> Any:
        return input, ctx

    assert isinstance(run, StepDefinition)
    assert run(1, 2) == (1, 2)


def test_step_takes_a_config_value() -> None:
    config = StepConfig(
        name="a", triggers=[http("GET", "/x")], enqueues=[Enqueue(topic="t", label="x")], flows=["f"]
    )
    definition = step(config, handler)
    assert definition.config["triggers"] == [{"type": "http", "method": "GET", "path": "/x"}]
    found = discovered(definition.config)
    assert found.emissions[0].topic == "t"
    assert found.flows == ("f",)


def test_multi_trigger_step_takes_the_handler_of_the_trigger_that_fired() -> None:
    config = {"name": "a", "triggers": [queue("t"), {"type": "api", "method": "GET", "path": "/x"}]}

    def fired(kind: str) -> Any:
        return SimpleNamespace(trigger=SimpleNamespace(type=kind))

    built = [
        multi_trigger_step(config).on_queue(lambda i, c: ("q", i)).on_http(lambda i, c: ("h", i)).handlers(),
        multi_trigger_step(config).handlers({"queue": lambda i, c: ("q", i), "api": lambda i, c: ("h", i)}),
        multi_trigger_step(config).handlers(event=lambda i, c: ("q", i), default=lambda i, c: ("h", i)),
    ]
    for definition in built:
        assert definition.handler is not None
        assert definition.handler(1, fired("queue")) == ("q", 1)
        assert definition.handler(1, fired("http")) == ("h", 1)


def test_multi_trigger_step_misses_no_handler() -> None:
    config = {"name": "a", "triggers": [queue("t"), cron("* * * * *")]}
    with pytest.raises(DefinitionError, match="got none for cron"):
        multi_trigger_step(config).on_queue(handler).handlers()
