"""Steps and triggers as the console's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia.core.step import Step
from motia.core.trigger import (
    CronTrigger,
    HttpTrigger,
    QueuePolicy,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    TimeTrigger,
    Trigger,
)
from motia.workbench.example import example_of


def step_document(step: Step, timezone: str) -> dict[str, Any]:
    """A step in a list."""
    return {
        "name": step.name,
        "description": step.description,
        "kinds": list(dict.fromkeys(trigger.kind for trigger in step.triggers)) or _kind_by_hand(step),
        "noop": step.handler is None,
        "flows": list(step.flows),
        "path": step.source.path,
        "line": step.source.line,
        "language": step.source.language,
        "dialect": step.dialect,
        "triggers": [trigger_document(trigger, timezone) for trigger in step.triggers],
        "emits": [
            {"topic": emission.topic, "label": emission.label, "conditional": emission.conditional}
            for emission in step.emissions
        ],
        "virtual_subscribes": list(step.virtual_subscribes),
    }


def trigger_document(trigger: Trigger, timezone: str) -> dict[str, Any]:
    """A trigger without its schemas."""
    common: dict[str, Any] = {"kind": trigger.kind}
    if not isinstance(trigger, TimeTrigger):
        common["condition"] = trigger.condition is not None
    if isinstance(trigger, HttpTrigger):
        return {
            **common,
            "method": trigger.method,
            "path": trigger.path,
            "auth": trigger.auth is not None,
            "middleware": len(trigger.middleware),
        }
    common["policy"] = policy_document(trigger.policy)
    return {**common, **_own_fields(trigger, timezone)}


def policy_document(policy: QueuePolicy) -> dict[str, Any]:
    """A queue's policy."""
    return {
        "concurrency": policy.concurrency,
        "max_attempts": policy.retry.attempts,
        "first_delay_s": policy.retry.delay_s,
        "max_delay_s": policy.retry.max_delay_s,
        "timeout_s": policy.timeout_s,
        "delay_s": policy.delay_s,
        "fifo": policy.fifo,
        "group_by": policy.group_by,
    }


def schemas_document(step: Step) -> dict[str, Any]:
    """The schemas of all triggers of a step."""
    inputs: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    for index, trigger in enumerate(step.triggers):
        if isinstance(trigger, HttpTrigger):
            for where, schema in (
                ("body", trigger.body_schema),
                ("query", trigger.query_schema),
                ("params", trigger.params_schema),
            ):
                if schema is not None:
                    inputs.append({"trigger": index, "where": where, "schema": plain_schema(schema)})
            responses += [
                {"trigger": index, "status": status, "schema": plain_schema(schema)}
                for status, schema in trigger.response_schemas.items()
            ]
        elif isinstance(trigger, QueueTrigger) and trigger.schema is not None:
            inputs.append(
                {
                    "trigger": index,
                    "where": "message",
                    "schema": plain_schema(trigger.schema),
                    "example": example_of(trigger.schema),
                }
            )
    return {"input_schemas": inputs, "response_schemas": responses}


def plain_schema(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A JSON Schema as plain JSON."""
    return None if schema is None else dict(schema)


def _own_fields(
    trigger: QueueTrigger | CronTrigger | StateTrigger | StreamTrigger | TimeTrigger, timezone: str
) -> dict[str, Any]:
    match trigger:
        case QueueTrigger():
            return {"topic": trigger.topic}
        case CronTrigger():
            return {
                "expression": trigger.expression,
                "timezone": trigger.timezone or timezone,
                "missed": trigger.missed,
                "overlap": trigger.overlap,
            }
        case StateTrigger():
            return {"scope": trigger.scope, "key": trigger.key}
        case StreamTrigger():
            return {"stream": trigger.stream, "group_id": trigger.group_id, "item_id": trigger.item_id}
        case TimeTrigger():
            return {"at_ms": trigger.at_ms}


def _kind_by_hand(step: Step) -> list[str]:
    return [] if step.handler is None else ["manual"]
