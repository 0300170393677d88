"""Whether the steps of one topic mean the same messages by it. Pure; says only what is certain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from motia.core.step import Step
from motia.core.trigger import JsonSchema, QueueTrigger
from motia.discovery.notices import Notice

_DEPTH = 16
_NUMBERS = frozenset({"integer", "number"})


def agreement_notices(steps: Sequence[Step]) -> list[Notice]:
    """A notice for each pair of subscribers of one topic whose schemas no message can fit, at the second one;
    it names the first and who enqueues to the topic."""
    subscribers: dict[str, list[tuple[Step, JsonSchema]]] = {}
    for step in steps:
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger) and trigger.schema:
                subscribers.setdefault(trigger.topic, []).append((step, trigger.schema))
    notices = []
    for topic, found in subscribers.items():
        for (first, one), (second, other) in combinations(found, 2):
            reason = None if first is second else disagreement(other, one)
            if reason is not None:
                emits = (step for step in steps if any(e.topic == topic for e in step.emissions))
                senders = ", ".join(f"{step.name} ({step.source})" for step in emits) or "a step"
                notices.append(
                    Notice(
                        second.source.path,
                        second.source.line,
                        f"{second.name}: expected what {first.name} ({first.source}) takes from {topic!r}, "
                        f"got another schema: {reason}",
                        f"make them one schema: a message of {senders} fits one of the two at most, and the "
                        "other dead-letters it",
                    )
                )
    return notices


def disagreement(one: JsonSchema, other: JsonSchema) -> str | None:
    """The first place where no value fits both schemas, as `$.total: string here, number there`; None where
    none is certain."""
    return next(_clashes(one, other, (one, other), "$", 0), None)


def _clashes(one: Any, other: Any, roots: tuple[Any, Any], path: str, depth: int) -> Iterator[str]:
    one, other = _resolved(one, roots[0]), _resolved(other, roots[1])
    if one is None or other is None or depth > _DEPTH:
        return
    types = _types(one), _types(other)
    if types[0] and types[1] and not _shared(*types):
        yield f"{path}: {'/'.join(sorted(types[0]))} here, {'/'.join(sorted(types[1]))} there"
        return
    values = _values(one), _values(other)
    if values[0] is not None and values[1] is not None and not any(item in values[1] for item in values[0]):
        yield f"{path}: {_shown(values[0])} here, {_shown(values[1])} there"
        return
    if types != ({"object"}, {"object"}):
        return
    yield from _members(one, other, roots, path, depth)


def _members(
    one: Mapping[str, Any], other: Mapping[str, Any], roots: tuple[Any, Any], path: str, depth: int
) -> Iterator[str]:
    own, theirs = _properties(one), _properties(other)
    needed = {name for schema in (one, other) for name in schema.get("required") or ()}
    for name in sorted(needed):
        if name in own and name in theirs:
            # What neither requires may be left out, and then both are content.
            yield from _clashes(own[name], theirs[name], roots, f"{path}.{name}", depth + 1)
        elif (
            name not in own and one.get("additionalProperties") is False and not one.get("patternProperties")
        ):
            yield f"{path}.{name}: refused here, required there"
        elif (
            name not in theirs
            and other.get("additionalProperties") is False
            and not other.get("patternProperties")
        ):
            yield f"{path}.{name}: required here, refused there"


def _resolved(schema: Any, root: Any, hops: int = 0) -> Mapping[str, Any] | None:
    """The schema that a local reference means; None for what is not looked into."""
    if not isinstance(schema, Mapping) or hops > _DEPTH:
        return None
    reference = schema.get("$ref")
    if reference is None:
        return None if any(key in schema for key in ("anyOf", "oneOf", "allOf", "not", "if")) else schema
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found = root
    for name in reference[2:].split("/"):
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return _resolved(found, root, hops + 1)


def _types(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("type")
    if isinstance(found, str):
        return {found}
    return {item for item in found if isinstance(item, str)} if isinstance(found, list | tuple) else set()


def _shared(one: set[str], other: set[str]) -> bool:
    return bool(one & other) or bool(one & _NUMBERS and other & _NUMBERS)


def _values(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list | tuple) else None


def _shown(values: Sequence[Any]) -> str:
    return "/".join(repr(value) for value in values[:4]) + ("/…" if len(values) > 4 else "")


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}
