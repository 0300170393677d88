"""Inputs of handlers that are no requests: dicts whose keys are attributes too."""

from __future__ import annotations

import re
from typing import Any

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_MISSING = object()


class Payload(dict[str, Any]):
    """A message's payload: `payload["id"]`, `payload.get("id")` and `payload.id` are the same.

    A key named like a method of dict (`items`, `keys`, `get`) is reached only as `payload["items"]`.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"payload: expected a key {name!r}, got {', '.join(self) or 'none'}"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class ChangePayload(Payload):
    """A change of state or of a stream; keys answer in snake and in camel case.

    `type event_type group_id item_id old_value new_value`; `scope` and `key` are other names of
    `group_id` and `item_id`.
    """

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        for other in _spellings(name):
            value = dict.get(self, other, _MISSING)
            if value is not _MISSING:
                return value
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key in either spelling."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return self.get(str(name), _MISSING) is not _MISSING


class StateTriggerInput(ChangePayload):
    """What a state trigger's handler gets."""

    __slots__ = ()


class StreamTriggerInput(ChangePayload):
    """What a stream trigger's handler gets; `event` reads as an object, too: `input.event.type`."""

    __slots__ = ()

    def __init__(self, *given: Any, **fields: Any) -> None:
        super().__init__(*given, **fields)
        event = dict.get(self, "event")
        if type(event) is dict:
            self["event"] = Payload(event)


_OTHER_NAMES = {"scope": "group_id", "key": "item_id"}


def _spellings(name: str) -> list[str]:
    snake = _HUMP.sub("_", name).lower()
    other = _OTHER_NAMES.get(snake, snake)
    return [snake, _UNDERSCORE.sub(lambda match: match.group(1).upper(), snake), other]


def payload_of(value: Any, kind: type[Payload] = Payload) -> Any:
    """The value as a handler gets it: an object becomes a payload, anything else stays."""
    return kind(value) if type(value) is dict else value
