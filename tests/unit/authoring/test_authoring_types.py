from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import motia
from motia import (
    Payload,
    StateTriggerInput,
    StepConfig,
    StreamConfig,
    StreamTriggerInput,
    api,
    cron,
    generate_step_id,
    json_schema,
    queue,
    schema_to_json_schema,
    state,
    step,
    stream,
)
from motia.authoring.payload import payload_of

CONFIG: dict[str, Any] = {
    "name": "a",
    "triggers": [
        {"type": "api", "method": "GET", "path": "/x"},
        queue("t"),
        {"type": "event", "topic": "u"},
        cron("* * * * *"),
    ],
}


def handler(input: Any, ctx: Any) -> None: ...


@pytest.mark.parametrize("given", [CONFIG, StepConfig(**CONFIG), step(CONFIG, handler)])
def test_guards_find_the_triggers_of_a_kind(given: Any) -> None:
    assert motia.is_api_step(given)
    assert motia.is_queue_step(given)
    assert motia.is_cron_step(given)
    assert not motia.is_state_step(given)
    assert not motia.is_stream_step(given)
    assert len(motia.get_queue_triggers(given)) == 2
    assert len(motia.get_api_triggers(given)) == 1
    assert len(motia.get_cron_triggers(given)) == 1
    assert motia.get_state_triggers(given) == motia.get_stream_triggers(given) == []


def test_trigger_guards_read_values_and_dicts() -> None:
    assert motia.is_api_trigger(api("GET", "/x"))
    assert motia.is_api_trigger({"type": "api"})
    assert motia.is_queue_trigger({"type": "event"})
    assert motia.is_state_trigger(state())
    assert motia.is_stream_trigger(stream("s"))
    assert motia.is_cron_trigger(cron("@daily"))
    assert not motia.is_cron_trigger({"type": 7})
    assert not motia.is_api_trigger(None)


def test_step_ids_are_those_of_every_version() -> None:
    assert generate_step_id("steps/a_step.py") == "63daad37-451a-59b1-99b3-9697398cc071"


def test_json_schema_takes_whatever_may_be_a_schema() -> None:
    class Order(BaseModel):
        id: str
        quantity: int = 1

    assert json_schema(Order)["required"] == ["id"]  # type: ignore[index]
    assert type(schema_to_json_schema(Order)) is dict
    assert schema_to_json_schema(None) is None
    assert schema_to_json_schema({"type": "object"}) == {"type": "object"}


def test_a_stream_config_says_what_was_given() -> None:
    assert StreamConfig(name="todo", on_join=handler).to_config() == {"name": "todo", "on_join": handler}


def test_a_payload_reads_as_a_dict_and_by_attribute() -> None:
    payload = payload_of({"prompt": "hi", "items": [1]})
    assert payload.prompt == payload["prompt"] == payload.get("prompt") == "hi"
    assert isinstance(payload, dict)
    payload.prompt = "new"
    assert payload["prompt"] == "new"
    assert payload["items"] == [1]
    assert not hasattr(payload, "missing")
    with pytest.raises(AttributeError, match="expected a key 'missing', got prompt, items"):
        payload.missing  # noqa: B018
    assert payload_of([1]) == [1]
    assert payload_of(None) is None


@pytest.mark.parametrize("kind", [StateTriggerInput, StreamTriggerInput])
def test_a_change_answers_in_every_spelling(kind: type[Payload]) -> None:
    change: Any = payload_of(
        {"group_id": "orders", "item_id": "7", "old_value": None, "new_value": {"n": 1}}, kind
    )
    assert change.groupId == change["groupId"] == change.get("group_id") == change.scope == "orders"
    assert change.newValue == change["new_value"] == {"n": 1}
    assert change.key == change.item_id == change["itemId"] == "7"
    assert change.old_value is None
    assert change.get("missing", 3) == 3
    assert "oldValue" in change
    assert "missing" not in change
    with pytest.raises(KeyError):
        change["missing"]
    assert not hasattr(change, "missing")
