from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from motia.core.retry import RetryPolicy
from motia.core.step import Emission, Step
from motia.core.trigger import (
    CronTrigger,
    HttpTrigger,
    QueryParameter,
    QueuePolicy,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    TimeTrigger,
)
from motia.discovery.dialects import NormalisedStep, to_step, to_stream
from motia.runtimes.protocol import Definition


def define(config: dict[str, Any], *, handler: str | None = "a_step.py#handler") -> Definition:
    return Definition(
        kind="step", path="steps/a_step.py", line=3, language="python", config=config, handler=handler
    )


def normalised(config: dict[str, Any], **keywords: Any) -> NormalisedStep:
    return to_step(define(config, **keywords))


def step_of(config: dict[str, Any], **keywords: Any) -> Step:
    """The step of a config that is right in every way."""
    step, problems, notices = normalised(config, **keywords)
    assert problems == []
    assert notices == []
    assert step is not None
    return step


def only_problem(config: dict[str, Any], **keywords: Any) -> Any:
    step, problems, _ = normalised(config, **keywords)
    assert step is None
    assert len(problems) == 1, problems
    return problems[0]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


class TestTypeDialect:
    def test_api(self) -> None:
        step = step_of(
            {
                "type": "api",
                "name": "Create Order",
                "description": "Takes an order",
                "path": "/orders/:id",
                "method": "post",
                "emits": ["order.created", {"topic": "audit", "label": "later", "conditional": True}],
                "virtualEmits": ["/orders"],
                "virtualSubscribes": ["/start"],
                "flows": ["orders"],
                "bodySchema": SCHEMA,
                "responseSchema": {"200": SCHEMA, "404": {"type": "string"}},
                "queryParams": [{"name": "page", "description": "which"}],
                "middleware": [{"$function": "m1"}, {"$function": "m2"}],
                "includeFiles": ["./*.html"],
            }
        )
        assert step.triggers == (
            HttpTrigger(
                method="POST",
                path="/orders/:id",
                body_schema=SCHEMA,
                response_schemas={200: SCHEMA, 404: {"type": "string"}},
                query_parameters=(QueryParameter(name="page", description="which"),),
                middleware=("m1", "m2"),
            ),
        )
        assert step.emissions == (
            Emission(topic="order.created"),
            Emission(topic="audit", label="later", conditional=True),
            Emission(topic="/orders", virtual=True),
        )
        assert step.virtual_subscribes == ("/start",)
        assert step.flows == ("orders",)
        assert step.include_files == ("./*.html",)
        assert step.dialect == "type"
        assert step.name == "Create Order"
        assert str(step.source) == "steps/a_step.py:3"

    def test_event_has_a_queue_for_each_topic(self) -> None:
        step = step_of(
            {
                "type": "event",
                "name": "Send",
                "subscribes": ["a", "b", "a"],
                "input": SCHEMA,
                "emits": [],
                "infrastructure": {
                    "handler": {"timeout": 30, "ram": 128, "cpu": 1},
                    "queue": {"type": "fifo", "maxRetries": 2, "delaySeconds": 5},
                },
            }
        )
        policy = QueuePolicy(retry=RetryPolicy(attempts=3), timeout_s=30, delay_s=5, fifo=True)
        assert step.triggers == (
            QueueTrigger(topic="a", schema=SCHEMA, policy=policy),
            QueueTrigger(topic="b", schema=SCHEMA, policy=policy),
        )

    @pytest.mark.parametrize("key", ["subscribes", "listens", "topics", "topic"])
    def test_event_topics_by_any_name(self, key: str) -> None:
        step = step_of({"type": "event", "name": "Send", key: "a"})
        assert [t.topic for t in step.triggers if isinstance(t, QueueTrigger)] == ["a"]

    @pytest.mark.parametrize("key", ["cron", "expression", "schedule"])
    def test_cron(self, key: str) -> None:
        step = step_of({"type": "cron", "name": "Tick", key: "*/10 * * * * *", "emits": []})
        assert step.triggers == (CronTrigger(expression="*/10 * * * * *"),)

    def test_noop_needs_no_handler(self) -> None:
        step = step_of(
            {"type": "noop", "name": "Wait", "virtualEmits": ["x"], "virtualSubscribes": ["y"]}, handler=None
        )
        assert step.triggers == ()
        assert step.handler is None

    def test_input_null_is_no_schema(self) -> None:
        step = step_of({"type": "event", "name": "S", "subscribes": ["a"], "input": None, "flows": None})
        assert step.triggers == (QueueTrigger(topic="a"),)

    def test_a_wrongly_named_input_schema_counts(self) -> None:
        step = step_of({"type": "event", "name": "S", "subscribes": ["a"], "inputSchema": SCHEMA})
        assert step.triggers == (QueueTrigger(topic="a", schema=SCHEMA),)

    def test_a_key_of_another_type_is_said_to_have_no_effect(self) -> None:
        step, problems, notices = normalised(
            {"type": "api", "name": "S", "path": "/", "method": "GET", "subscribes": ["a"]}
        )
        assert step is not None
        assert problems == []
        assert [notice.message for notice in notices] == [
            "config.subscribes: no effect on a step of type api"
        ]


class TestTriggersDialect:
    def test_every_kind_in_one_step(self) -> None:
        condition = {"$function": "c"}
        step = step_of(
            {
                "name": "Many",
                "enqueues": ["x"],
                "triggers": [
                    {"type": "http", "method": "GET", "path": "/a", "condition": condition},
                    {"type": "queue", "topic": "t", "input": SCHEMA, "condition": condition},
                    {"type": "cron", "expression": "0 0 9 * * *", "condition": condition},
                    {"type": "state", "condition": condition},
                    {"type": "stream", "streamName": "todo", "groupId": "inbox", "itemId": "1"},
                    {"type": "at", "at": "2030-01-01T00:00:00Z"},
                ],
            }
        )
        assert step.dialect == "triggers"
        assert step.triggers == (
            HttpTrigger(method="GET", path="/a", condition="c"),
            QueueTrigger(topic="t", schema=SCHEMA, condition="c"),
            CronTrigger(expression="0 0 9 * * *", condition="c"),
            StateTrigger(condition="c"),
            StreamTrigger(stream="todo", group_id="inbox", item_id="1"),
            TimeTrigger(at_ms=1893456000000),
        )

    def test_old_words_within_new_configs(self) -> None:
        step = step_of(
            {
                "name": "Mixed",
                "emits": ["x"],
                "enqueues": ["y", "x"],
                "virtualEnqueues": ["z"],
                "triggers": [
                    {"type": "api", "method": "GET", "path": "/a"},
                    {"type": "event", "topic": "t"},
                    {"type": "cron", "cron": "* * * * *"},
                ],
            }
        )
        assert [trigger.kind for trigger in step.triggers] == ["http", "queue", "cron"]
        assert [emission.topic for emission in step.emissions] == ["x", "y", "z"]

    def test_keys_beside_triggers_fill_what_a_trigger_does_not_say(self) -> None:
        step = step_of(
            {
                "name": "Beside",
                "method": "POST",
                "path": "/default",
                "bodySchema": SCHEMA,
                "input": SCHEMA,
                "concurrency": 3,
                "triggers": [
                    {"type": "http"},
                    {"type": "http", "path": "/own"},
                    {"type": "queue", "topic": "t", "concurrency": 1},
                    {"type": "queue", "topic": "u"},
                ],
            }
        )
        assert step.triggers == (
            HttpTrigger(method="POST", path="/default", body_schema=SCHEMA),
            HttpTrigger(method="POST", path="/own", body_schema=SCHEMA),
            QueueTrigger(topic="t", schema=SCHEMA, policy=QueuePolicy(concurrency=1)),
            QueueTrigger(topic="u", schema=SCHEMA, policy=QueuePolicy(concurrency=3)),
        )

    def test_subscribes_beside_triggers_adds_the_missing_topics(self) -> None:
        step = step_of({"name": "S", "subscribes": ["a", "b"], "triggers": [{"type": "queue", "topic": "a"}]})
        assert [t.topic for t in step.triggers if isinstance(t, QueueTrigger)] == ["a", "b"]

    def test_no_triggers_need_no_handler(self) -> None:
        assert step_of({"name": "Drawn", "triggers": []}, handler=None).triggers == ()

    def test_one_trigger_without_a_list(self) -> None:
        step = step_of({"name": "One", "triggers": {"type": "queue", "topic": "t"}})
        assert step.triggers == (QueueTrigger(topic="t"),)

    def test_schema_objects_pass_untouched(self) -> None:
        class Schema(dict[str, Any]):
            pass

        body, answer = Schema(SCHEMA), Schema(SCHEMA)
        trigger = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "bodySchema": body,
            "responseSchema": {"200": answer},
        }
        step = step_of({"name": "S", "triggers": [trigger]})
        (http,) = step.triggers
        assert isinstance(http, HttpTrigger)
        assert http.body_schema is body
        assert http.response_schemas[200] is answer

    def test_several_methods_are_several_routes(self) -> None:
        step = step_of({"name": "S", "triggers": [{"type": "http", "method": ["GET", "head"], "path": "/x"}]})
        assert [t.method for t in step.triggers if isinstance(t, HttpTrigger)] == ["GET", "HEAD"]

    def test_authentication_with_its_security_scheme(self) -> None:
        scheme = {"bearer": {"type": "http", "scheme": "bearer"}}
        auth = {"function": {"$function": "check"}, "security": scheme}
        step = step_of(
            {"name": "S", "triggers": [{"type": "http", "method": "GET", "path": "/", "auth": auth}]}
        )
        assert step.triggers == (HttpTrigger(method="GET", path="/", auth="check", security=scheme),)


class TestFunctionDialect:
    def test_api_with_a_schema_in_parts(self) -> None:
        step = step_of(
            {
                "type": "api",
                "id": "create-user",
                "method": "POST",
                "path": "/users",
                "schema": {"body": SCHEMA, "query": SCHEMA, "params": SCHEMA, "response": SCHEMA},
            }
        )
        assert step.dialect == "function"
        assert step.name == "create-user"
        assert step.triggers == (
            HttpTrigger(
                method="POST",
                path="/users",
                body_schema=SCHEMA,
                query_schema=SCHEMA,
                params_schema=SCHEMA,
                response_schemas={200: SCHEMA},
            ),
        )

    def test_api_with_a_whole_schema(self) -> None:
        step = step_of({"type": "api", "id": "x", "method": "POST", "path": "/x", "schema": SCHEMA})
        assert step.triggers == (HttpTrigger(method="POST", path="/x", body_schema=SCHEMA),)

    def test_event_listens_to_its_own_id(self) -> None:
        step = step_of({"type": "event", "id": "send-mail", "schema": SCHEMA, "concurrency": 5})
        assert step.triggers == (
            QueueTrigger(topic="send-mail", schema=SCHEMA, policy=QueuePolicy(concurrency=5)),
        )

    def test_cron_schedule(self) -> None:
        step = step_of(
            {
                "type": "cron",
                "id": "daily",
                "schedule": "0 9 * * *",
                "timezone": "Asia/Seoul",
                "missed": "once",
            }
        )
        assert step.triggers == (CronTrigger(expression="0 9 * * *", timezone="Asia/Seoul", missed="once"),)

    def test_the_declared_dialect_counts(self) -> None:
        step = step_of({"name": "f", "dialect": "function", "triggers": [{"type": "queue", "topic": "t"}]})
        assert step.dialect == "function"


class TestPolicy:
    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ({"retries": 0}, QueuePolicy(retry=RetryPolicy(attempts=1))),
            ({"maxRetries": 3}, QueuePolicy(retry=RetryPolicy(attempts=4))),
            ({"attempts": 3}, QueuePolicy(retry=RetryPolicy(attempts=3))),
            ({"retry": False}, QueuePolicy(retry=RetryPolicy(attempts=1))),
            ({"retry": 2}, QueuePolicy(retry=RetryPolicy(attempts=3))),
            (
                {"retry": {"attempts": 2, "delay": "2s", "backoff": "fixed", "jitter": 0}},
                QueuePolicy(retry=RetryPolicy(attempts=2, delay_s=2, backoff="fixed", jitter=0)),
            ),
            ({"retryDelay": "5m"}, QueuePolicy(retry=RetryPolicy(delay_s=300, max_delay_s=300))),
            ({"timeout": "1h 30m"}, QueuePolicy(timeout_s=5400)),
            ({"timeout_s": 2.5}, QueuePolicy(timeout_s=2.5)),
            ({"timeoutMs": 1500}, QueuePolicy(timeout_s=1.5)),
            ({"delay": timedelta(minutes=2)}, QueuePolicy(delay_s=120)),
            ({"group_by": "userId"}, QueuePolicy(fifo=True, group_by="userId")),
            ({"group_by": "userId", "fifo": False}, QueuePolicy(group_by="userId")),
            (
                {"config": {"type": "fifo", "maxRetries": 1, "concurrency": 2, "messageGroupId": "u"}},
                QueuePolicy(retry=RetryPolicy(attempts=2), concurrency=2, fifo=True, group_by="u"),
            ),
            (
                {"config": {"backoff_type": "fixed", "backoff_delay_ms": 250, "delay_seconds": 1}},
                QueuePolicy(retry=RetryPolicy(backoff="fixed", delay_s=0.25), delay_s=1),
            ),
            (
                {"infrastructure": {"queue": {"maxRetries": 9, "type": "standard"}}, "retries": 1},
                QueuePolicy(retry=RetryPolicy(attempts=2)),
            ),
        ],
    )
    def test_spellings(self, keys: dict[str, Any], expected: QueuePolicy) -> None:
        step = step_of({"name": "S", "triggers": [{"type": "queue", "topic": "t", **keys}]})
        assert step.triggers == (QueueTrigger(topic="t", policy=expected),)

    @pytest.mark.parametrize(
        "keys",
        [
            {"concurrency": 0},
            {"retries": -1},
            {"retries": "three"},
            {"timeout": "soon"},
            {"timeout": 0},
            {"delay": -1},
            {"fifo": "yes"},
            {"jitter": 2},
            {"backoff": "linear"},
            {"config": {"type": "lifo"}},
            {"config": "fifo"},
        ],
    )
    def test_wrong_values_are_problems(self, keys: dict[str, Any]) -> None:
        problem = only_problem({"name": "S", "triggers": [{"type": "queue", "topic": "t", **keys}]})
        assert "expected" in problem.message
        assert problem.message.startswith("config.triggers[0].")

    def test_visibility_timeout_is_said_to_have_no_effect(self) -> None:
        step, problems, notices = normalised(
            {"name": "S", "type": "event", "subscribes": ["a", "b"], "config": {"visibilityTimeout": 30}}
        )
        assert step is not None
        assert problems == []
        assert len(notices) == 1
        assert "config.config.visibilityTimeout" in notices[0].message

    def test_a_timeout_of_an_http_trigger(self) -> None:
        step = step_of(
            {"name": "S", "triggers": [{"type": "http", "method": "GET", "path": "/", "timeout": "10s"}]}
        )
        assert step.triggers == (HttpTrigger(method="GET", path="/", timeout_s=10),)


class TestPaths:
    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("/", "/"),
            ("/users/{id}", "/users/:id"),
            ("/users/:id/orders/:order_id", "/users/:id/orders/:order_id"),
            ("/files/*", "/files/*rest"),
            ("/files/{name:path}", "/files/*name"),
            ("/game/styles.css", "/game/styles.css"),
            ("/items:batch", "/items:batch"),
            ("/slash/", "/slash/"),
        ],
    )
    def test_spellings(self, written: str, canonical: str) -> None:
        step = step_of({"name": "S", "type": "api", "method": "GET", "path": written})
        assert step.triggers == (HttpTrigger(method="GET", path=canonical),)

    @pytest.mark.parametrize(
        "path", ["users", "/a?b=1", "/a b", "/:id/:id", "/*all/more", "/x{id}", "/:id?", "/:", "/a#b"]
    )
    def test_bad_ones_are_problems(self, path: str) -> None:
        assert (
            only_problem({"name": "S", "type": "api", "method": "GET", "path": path}).code == "step.bad_route"
        )

    def test_bad_methods_are_problems(self) -> None:
        problem = only_problem({"name": "S", "type": "api", "method": "FETCH", "path": "/"})
        assert problem.code == "step.bad_route"
        assert "GET" in problem.message
        assert "'FETCH'" in problem.message


class TestPointsInTime:
    @pytest.mark.parametrize(
        "at",
        [
            "2030-01-01T00:00:00Z",
            "2030-01-01T00:00:00",
            "2030-01-01T09:00:00+09:00",
            1893456000,
            1893456000000,
            datetime(2030, 1, 1, tzinfo=UTC),
        ],
    )
    def test_spellings(self, at: Any) -> None:
        step = step_of({"name": "S", "triggers": [{"type": "at", "at": at}]})
        assert step.triggers == (TimeTrigger(at_ms=1893456000000),)

    @pytest.mark.parametrize("at", ["tomorrow", -5, True, None])
    def test_bad_ones_are_problems(self, at: Any) -> None:
        assert only_problem({"name": "S", "triggers": [{"type": "at", "at": at}]}).code == "step.bad_trigger"


class TestProblems:
    def test_an_empty_config(self) -> None:
        assert only_problem({}).code == "step.empty_config"

    def test_a_missing_name(self) -> None:
        problem = only_problem({"type": "noop"})
        assert problem.code == "step.no_name"
        assert (problem.path, problem.line) == ("steps/a_step.py", 3)

    def test_a_missing_type(self) -> None:
        assert only_problem({"name": "S"}).code == "step.no_type"

    @pytest.mark.parametrize("config", [{"type": "crn"}, {"triggers": [{"type": "crn"}]}])
    def test_an_unknown_type_names_the_nearest(self, config: dict[str, Any]) -> None:
        problem = only_problem({"name": "S", **config})
        assert problem.code == "step.unknown_type"
        assert problem.hint == "did you mean 'cron'?"
        assert problem.step == "S"

    def test_an_empty_topic_is_said_to_be_empty(self) -> None:
        problem = only_problem({"name": "S", "triggers": [{"type": "queue", "topic": ""}]})
        assert problem.message == (
            "config.triggers[0].topic: expected a text that is not empty, or a list of such, got ''"
        )

    def test_a_missing_handler(self) -> None:
        problem = only_problem({"name": "S", "type": "event", "subscribes": ["a"]}, handler=None)
        assert problem.code == "step.no_handler"

    def test_a_bad_cron_expression_and_a_bad_time_zone_carry_their_reasons(self) -> None:
        def check(expression: str, timezone: str | None) -> tuple[str, str | None] | None:
            if timezone is not None:
                return f"{timezone} is no zone", "ask an atlas"
            return None if expression == "@daily" else ("too few fields", None)

        definition = define({"name": "S", "type": "cron", "cron": "every day", "timezone": "Mars/Base"})
        step, problems, _ = to_step(definition, check)
        assert step is None
        assert [(problem.code, problem.message) for problem in problems] == [
            ("step.bad_cron", "config.cron: expected a cron expression, got 'every day': too few fields"),
            ("step.bad_cron", "config.timezone: Mars/Base is no zone"),
        ]
        assert [(problem.hint or "")[:8] for problem in problems] == ["5 fields", "ask an a"]

    def test_all_problems_of_a_step_are_told_at_once(self) -> None:
        _, problems, _ = normalised(
            {"type": "api", "method": "FETCH", "path": "x", "flows": 3, "emits": [1], "description": 5}
        )
        assert len(problems) == 6

    @pytest.mark.parametrize(
        ("trigger", "key"),
        [
            ({"type": "http", "path": "/"}, "method"),
            ({"type": "http", "method": "GET"}, "path"),
            ({"type": "queue"}, "topic"),
            ({"type": "cron"}, "expression"),
            ({"type": "stream"}, "stream"),
        ],
    )
    def test_a_trigger_without_its_main_key(self, trigger: dict[str, Any], key: str) -> None:
        problem = only_problem({"name": "S", "triggers": [trigger]})
        assert problem.code == "step.bad_trigger"
        assert f"`{key}`" in problem.message

    @pytest.mark.parametrize("triggers", ["http", [3], 7])
    def test_triggers_that_are_none(self, triggers: Any) -> None:
        only_problem({"name": "S", "triggers": triggers})

    def test_one_topic_in_two_different_triggers(self) -> None:
        problem = only_problem(
            {
                "name": "S",
                "triggers": [
                    {"type": "queue", "topic": "a"},
                    {"type": "queue", "topic": "a", "concurrency": 1},
                ],
            }
        )
        assert "'a'" in problem.message

    def test_the_same_trigger_twice_is_a_notice(self) -> None:
        step, problems, notices = normalised({"name": "S", "triggers": [{"type": "queue", "topic": "a"}] * 2})
        assert step is not None
        assert len(step.triggers) == 1
        assert problems == []
        assert "twice" in notices[0].message


class TestUnknownKeys:
    def test_they_are_notices_with_the_nearest_name(self) -> None:
        step, problems, notices = normalised(
            {"name": "S", "type": "noop", "subscribe": ["a"], "flow": ["x"], "zzz": 1}
        )
        assert step is not None
        assert problems == []
        messages = [(notice.message.split(":")[0], notice.hint) for notice in notices]
        assert messages[0] == ("config.subscribe", "did you mean 'subscribes'?")
        assert messages[1] == ("config.flow", "did you mean 'flows'?")
        assert messages[2][0] == "config.zzz"

    def test_they_are_found_in_triggers_and_policies_too(self) -> None:
        _, problems, notices = normalised(
            {
                "name": "S",
                "triggers": [
                    {"type": "queue", "topic": "t", "concurency": 1, "config": {"maxRetry": 3}},
                ],
            }
        )
        assert problems == []
        assert {notice.message.split(":")[0] for notice in notices} == {
            "config.triggers[0].concurency",
            "config.triggers[0].config.maxRetry",
        }

    def test_of_two_spellings_the_first_counts(self) -> None:
        step, _, notices = normalised({"type": "noop", "name": "first", "id": "second"})
        assert step is not None
        assert step.name == "first"
        assert len(notices) == 1


class TestStreams:
    def stream(self, config: dict[str, Any]) -> Any:
        return to_stream(
            Definition(kind="stream", path="todo.stream.ts", line=1, language="typescript", config=config)
        )

    def test_all_keys(self) -> None:
        stream, problems, notices = self.stream(
            {
                "name": "todo",
                "description": "d",
                "schema": SCHEMA,
                "baseConfig": {"storageType": "default"},
                "canAccess": {"$function": "a"},
                "onJoin": {"$function": "j"},
                "on_leave": {"$function": "l"},
            }
        )
        assert (problems, notices) == ([], [])
        assert (stream.name, stream.description, stream.schema) == ("todo", "d", SCHEMA)
        assert (stream.can_access, stream.on_join, stream.on_leave) == ("a", "j", "l")
        assert stream.sources == (stream.source,)

    def test_a_missing_name(self) -> None:
        stream, problems, _ = self.stream({"schema": SCHEMA})
        assert stream is None
        assert problems[0].code == "stream.no_name"

    @pytest.mark.parametrize("join", [5, ["a", 5], [""], {"a": 1}, None])
    def test_roles_that_are_no_texts_let_nobody_in_unnoticed(self, join: Any) -> None:
        stream, problems, _ = self.stream({"name": "s", "access": {"join": join}})
        assert stream is None
        assert "the roles that may join" in problems[0].message

    def test_custom_storage_is_said_to_have_no_effect(self) -> None:
        _, _, notices = self.stream({"name": "s", "baseConfig": {"storageType": "custom"}})
        assert "custom storage" in notices[0].message
