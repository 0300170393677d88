"""`types.d.ts`: what a project's steps add to the types of the package `motia`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from motia.core.registry import Registry
from motia.core.step import Step
from motia.core.trigger import HttpTrigger, QueueTrigger
from motia.typegen.schema_types import typescript_type

_HEAD = """\
// Made by `motia generate types` from the steps of this project; `motia dev` keeps it up to date.
/// <reference types="motia/names" />
import 'motia'

declare module 'motia' {
"""


def typescript_declarations(registry: Registry) -> str:
    """The file's text: handlers by name, inputs by id, topics and streams."""
    steps = sorted(registry.steps.values(), key=lambda step: step.name)
    topics = topic_types(steps)
    sections = {
        "StepHandlers": {step.name: _handler(step, topics) for step in steps if step.handler is not None},
        "StepInputs": {step.name: _input(step) for step in steps if _has_queue(step)},
        "Topics": topics,
        "FlowContextStateStreams": {
            name: f"MotiaStream<{_type(stream.schema)}>" for name, stream in sorted(registry.streams.items())
        },
    }
    blocks = [_block(name, members) for name, members in sections.items() if members]
    return f"{_HEAD}{chr(10).join(blocks)}}}\n"


def topic_types(steps: Iterable[Step]) -> dict[str, str]:
    """The type of each topic's data: what all its subscribers take."""
    found: dict[str, list[str]] = {}
    for step in steps:
        for emission in step.emissions:
            if not emission.virtual:
                found.setdefault(emission.topic, [])
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger):
                found.setdefault(trigger.topic, []).append(_type(trigger.schema))
    return {topic: _all_of(types) for topic, types in sorted(found.items())}


def _all_of(types: list[str]) -> str:
    told = [one for one in dict.fromkeys(types) if one not in ("any", "unknown")]
    return " & ".join(f"({one})" if " | " in one else one for one in told) or "any"


def _block(name: str, members: dict[str, str]) -> str:
    lines = "".join(f"    {json.dumps(key, ensure_ascii=False)}: {kind}\n" for key, kind in members.items())
    return f"  interface {name} {{\n{lines}  }}\n"


def _handler(step: Step, topics: dict[str, str]) -> str:
    context = f"FlowContext<{_emits(step, topics)}>"
    kinds = {trigger.kind for trigger in step.triggers}
    http = [trigger for trigger in step.triggers if isinstance(trigger, HttpTrigger)]
    if kinds == {"http"}:
        return f"(request: {_request(http)}, ctx: {context}) => {_result(http)}"
    if kinds == {"cron"} and step.dialect != "triggers":
        return f"(ctx: {context}) => any"
    inputs = [_request(http)] if http else []
    inputs += [_type(trigger.schema) for trigger in step.triggers if isinstance(trigger, QueueTrigger)]
    inputs += ["any"] if kinds - {"http", "queue"} or not kinds else []
    return f"(input: {' | '.join(dict.fromkeys(inputs))}, ctx: {context}) => any"


def _request(triggers: list[HttpTrigger]) -> str:
    bodies = " | ".join(dict.fromkeys(_type(trigger.body_schema) for trigger in triggers))
    return f"ApiRequest<{bodies}>"


def _result(triggers: list[HttpTrigger]) -> str:
    answers = [
        f"ApiResponse<{status}, {_type(schema)}>"
        for trigger in triggers
        for status, schema in trigger.response_schemas.items()
    ]
    if not answers:
        return "any"
    one = " | ".join(dict.fromkeys(answers))
    return f"Promise<{one}> | {one}"


def _emits(step: Step, topics: dict[str, str]) -> str:
    messages = [
        f"{{ topic: {json.dumps(emission.topic, ensure_ascii=False)}; data: {topics[emission.topic]} }}"
        for emission in step.emissions
        if not emission.virtual
    ]
    return " | ".join(dict.fromkeys(messages)) or "never"


def _input(step: Step) -> str:
    types = [_type(trigger.schema) for trigger in step.triggers if isinstance(trigger, QueueTrigger)]
    return _all_of(types[:1])


def _has_queue(step: Step) -> bool:
    return any(isinstance(trigger, QueueTrigger) for trigger in step.triggers)


def _type(schema: Any) -> str:
    return "any" if schema is None else typescript_type(schema)
