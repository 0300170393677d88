"""`motia_types.py`: topics, step inputs and stream items of a project as `TypedDict`s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from motia.core.registry import Registry
from motia.core.trigger import QueueTrigger

_HEAD = '''\
"""Made by `motia generate types` from the steps of this project; do not edit."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict
'''
_PLAIN = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}


def python_stub(registry: Registry) -> str:
    """The file's text. Classes are named after the topic or stream: `order.created` is `OrderCreated`."""
    found: dict[str, Any] = {}
    for step in sorted(registry.steps.values(), key=lambda step: step.name):
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger) and trigger.schema:
                found.setdefault(_class_name(trigger.topic), trigger.schema)
    for name, stream in sorted(registry.streams.items()):
        if stream.schema:
            found.setdefault(f"{_class_name(name)}Item", stream.schema)
    writer = _Writer()
    for name, schema in sorted(found.items()):
        writer.root = schema
        writer.named(name, schema)
    topics = sorted(
        {t.topic for s in registry.steps.values() for t in s.triggers if isinstance(t, QueueTrigger)}
    )
    literal = ", ".join(map(repr, topics))
    names = f"\nTopic = Literal[{literal}]\n" if topics else "\nTopic = str\n"
    return _HEAD + names + "".join(writer.classes)


class _Writer:
    """Writes a class for each object, the inner ones before the outer."""

    def __init__(self) -> None:
        self.classes: list[str] = []
        self.root: Any = None
        self._taken: set[str] = set()

    def named(self, name: str, schema: Any) -> str:
        """The type of a schema; an object's is a class of that name."""
        if not isinstance(schema, Mapping) or not schema.get("properties"):
            kind = self.type_of(schema, name)
            self.classes.append(f"\n{name} = {kind}\n")
            return name
        return self._object(name, schema)

    def type_of(self, schema: Any, name: str) -> str:
        """The hint for a schema; `name` is what an object in it is called."""
        if not isinstance(schema, Mapping):
            return "Any"
        if isinstance(reference := schema.get("$ref"), str):
            definition = (self.root.get("$defs") or {}).get(reference.rsplit("/", 1)[-1])
            return "Any" if definition is None or name.count("_") > 6 else self.type_of(definition, name)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if isinstance(values := schema.get("enum"), list) and values:
            return f"Literal[{', '.join(map(repr, values))}]"
        for keyword in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(keyword), list) and options:
                kinds = [self.type_of(one, f"{name}_{number}") for number, one in enumerate(options)]
                return " | ".join(dict.fromkeys(kinds))
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(dict.fromkeys(self.type_of({**schema, "type": one}, name) for one in kind))
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind == "array":
            return f"list[{self.type_of(schema.get('items'), f'{name}Item')}]"
        if schema.get("properties"):
            return self._object(name, schema)
        return "dict[str, Any]" if kind == "object" else "Any"

    def _object(self, name: str, schema: Mapping[str, Any]) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        required = set(schema.get("required") or ())
        members = []
        for key, part in schema["properties"].items():
            hint = self.type_of(part, f"{name}{_class_name(key)}")
            members.append((key, hint if key in required else f"NotRequired[{hint}]"))
        if all(key.isidentifier() for key, _ in members):
            body = "".join(f"    {key}: {hint}\n" for key, hint in members)
            self.classes.append(f"\n\nclass {name}(TypedDict):\n{body}")
        else:
            body = ", ".join(f'{key!r}: "{hint}"' for key, hint in members)
            self.classes.append(f"\n{name} = TypedDict({name!r}, {{{body}}})\n")
        return name


def _class_name(text: str) -> str:
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))
    return name if name[:1].isalpha() else f"T{name}"
