"""Defining steps: decorators for functions, and `step(config, handler)` as in Motia 1.x.

A decorated function stays what it was; discovery reads what it declares from `__motia_definitions__`, a
list of config dicts, one a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NoReturn, Protocol, TypeVar, overload

from motia.authoring.misuse import misuse
from motia.authoring.triggers import (
    ApiTrigger,
    CronTrigger,
    QueueTrigger,
    TriggerConfig,
    cron_trigger,
    http,
    queue,
    trigger_config,
)

F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[..., Any]
Topics = Sequence[Any]

DEFINITIONS = "__motia_definitions__"
_BRANCH_OF_TYPE = {"api": "http", "event": "queue"}


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """A config and its handler: `config, handler = step({...}, fn)` works too."""

    config: dict[str, Any]
    handler: Handler | None

    def __iter__(self) -> Iterator[Any]:
        yield self.config
        yield self.handler

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the handler itself, as a test does."""
        if self.handler is None:
            raise misuse("step: expected a handler to call, got a step without one")
        return self.handler(*arguments, **keywords)


class StepBuilder:
    """A config that waits for its handler."""

    __slots__ = ("config",)

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def handle(self, handler: Handler) -> StepDefinition:
        """The step with its handler."""
        return StepDefinition(self.config, _expect_function(handler, "step"))

    __call__ = handle


class ConfigValue(Protocol):
    """A config given as a value, such as `StepConfig`."""

    @property
    def triggers(self) -> Any: ...

    def to_config(self) -> dict[str, Any]: ...


@overload
def step(function: F, /) -> F: ...
@overload
def step(  # type: ignore[overload-overlap]  # by its `__getattr__` a trigger passes for any protocol
    *triggers: TriggerConfig,
    name: str | None = ...,
    id: str | None = ...,
    description: str | None = ...,
    flows: Sequence[str] = ...,
    enqueues: Topics = ...,
    emits: Topics = ...,
    virtual_enqueues: Topics = ...,
    virtual_subscribes: Sequence[str] = ...,
    include_files: Sequence[str] = ...,
) -> Callable[[F], F]: ...
@overload
def step(config: Mapping[str, Any] | ConfigValue, /) -> StepBuilder: ...
@overload
def step(config: Mapping[str, Any] | ConfigValue, handler: Handler, /) -> StepDefinition: ...
def step(
    *triggers: Any,
    name: str | None = None,
    id: str | None = None,
    description: str | None = None,
    flows: Sequence[str] = (),
    enqueues: Topics = (),
    emits: Topics = (),
    virtual_enqueues: Topics = (),
    virtual_subscribes: Sequence[str] = (),
    include_files: Sequence[str] = (),
) -> Any:
    """Define a step.

    `@step(http("POST", "/orders"), queue("order.retry"), enqueues=["order.created"])` decorates a function;
    its name is that of the function unless given, its type hints are the schema. `@step` alone makes a step
    that runs by hand. `step(config, handler)` and `step(config)` take a config dict.
    """
    first = triggers[0] if triggers else None
    if _is_config(first):
        config = config_dict(first)
        if len(triggers) == 1:
            return StepBuilder(config)
        return StepDefinition(config, _expect_function(triggers[1], "step"))
    if len(triggers) == 1 and callable(first) and not isinstance(first, TriggerConfig):
        return _define(first, [], None, {})
    options = {
        "description": description,
        "flows": _listed(flows),
        "enqueues": [*_listed(enqueues), *_listed(emits)],
        "virtual_enqueues": _listed(virtual_enqueues),
        "virtual_subscribes": _listed(virtual_subscribes),
        "include_files": _listed(include_files),
    }
    configs = [trigger_config(trigger) for trigger in triggers]
    return lambda function: _define(function, configs, name or id, options)


@overload
def api(method: str, path: str, /, **options: Any) -> ApiTrigger: ...
@overload
def api(*, id: str, method: str, path: str, **options: Any) -> Callable[[F], F]: ...
def api(*route: str, id: str | None = None, **options: Any) -> Any:
    """`api("GET", "/x")` is a trigger, as `http`; `@api(id=…, method=…, path=…)` defines a step.

    The decorator takes the options of `http` and of `step`.
    """
    if route:
        if len(route) != 2:
            _bad_use("api", route[0])
        return http(*route, **options)  # type: ignore[arg-type]  # the method is checked by discovery
    own = _step_options(options)
    if not {"method", "path"} <= options.keys():
        raise misuse(
            "@api: expected a method and a path", hint='write @api(id="my-step", method="GET", path="/x")'
        )
    known, rest = _split(options, ApiTrigger.keys - {"security"})
    trigger = http(**known)
    return _decorator("api", id, lambda name: [{**trigger.to_config(), **rest}], own)


@overload
def cron(expression: str, /, **options: Any) -> CronTrigger: ...
@overload
def cron(*, id: str, schedule: str, **options: Any) -> Callable[[F], F]: ...
def cron(*expression: str, id: str | None = None, schedule: str | None = None, **options: Any) -> Any:
    """`cron("0 9 * * *")` is a trigger; `@cron(id=…, schedule="0 9 * * *")` defines a step."""
    if expression and id is None:
        return cron_trigger(*expression, **options)
    own = _step_options(options)
    written: Any = schedule or options.pop("expression", None) or (expression[0] if expression else None)
    known, rest = _split(options, CronTrigger.keys)
    trigger = cron_trigger(written, **known)
    return _decorator("cron", id, lambda name: [{**trigger.to_config(), **rest}], own)


@overload
def event(topic: str, /, **options: Any) -> QueueTrigger: ...
@overload
def event(*, id: str, schema: Any = ..., **options: Any) -> Callable[[F], F]: ...
def event(*topic: str, id: str | None = None, **options: Any) -> Any:
    """`@event(id=…, schema={"userId": str})` defines a step for messages sent to its id, or to `topic`.

    `event("order.created")` is a trigger, as `queue`.
    """
    if topic:
        return queue(*topic, **options)
    own = _step_options(options)
    named = options.pop("topic", None) or options.pop("subscribes", None)
    known, rest = _split(options, QueueTrigger.keys | {"schema", "infrastructure"})

    def triggers(name: str) -> list[dict[str, Any]]:
        return [{**queue(each, **known).to_config(), **rest} for each in _listed(named or name)]

    return _decorator("event", id, triggers, own)


def noop(*, id: str | None = None, **options: Any) -> Callable[[F], F]:
    """A step that is drawn in flows and runs only by hand."""
    own = _step_options(options)
    return _decorator("noop", id, lambda name: [], {**own, **options})


class MultiTriggerStepBuilder:
    """Collects one handler for each kind of trigger of a config."""

    __slots__ = ("_branches", "config")

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self._branches: dict[str, Handler] = {}

    def on_queue(self, handler: Handler) -> MultiTriggerStepBuilder:
        return self._on("queue", handler)

    def on_http(self, handler: Handler) -> MultiTriggerStepBuilder:
        return self._on("http", handler)

    def on_cron(self, handler: Handler) -> MultiTriggerStepBuilder:
        return self._on("cron", handler)

    def on_state(self, handler: Handler) -> MultiTriggerStepBuilder:
        return self._on("state", handler)

    def on_stream(self, handler: Handler) -> MultiTriggerStepBuilder:
        return self._on("stream", handler)

    def handlers(self, handlers: Mapping[str, Handler] | None = None, **more: Handler) -> StepDefinition:
        """The step, with handlers by kind: `http` (or `api`), `queue` (or `event`), `cron` …

        `default` serves the kinds that have none.
        """
        for kind, handler in {**(handlers or {}), **more}.items():
            self._on(_BRANCH_OF_TYPE.get(kind, kind), handler)
        wanted = [str(trigger.get("type", "")) for trigger in self.config.get("triggers", ())]
        missing = {_BRANCH_OF_TYPE.get(kind, kind) for kind in wanted} - self._branches.keys()
        if missing and "default" not in self._branches:
            raise misuse(
                f"multi_trigger_step: expected a handler for every trigger, got none for "
                f"{', '.join(sorted(missing))}",
                hint="add on_http, on_queue, on_cron, on_state or on_stream, or a `default` handler",
            )
        return StepDefinition(self.config, Branches(dict(self._branches)))

    def _on(self, kind: str, handler: Handler) -> MultiTriggerStepBuilder:
        self._branches[kind] = _expect_function(handler, "multi_trigger_step")
        return self


class Branches:
    """A handler that is one function for each kind of trigger; binding takes the one that it needs."""

    def __init__(self, by_kind: dict[str, Handler]) -> None:
        self.by_kind = by_kind

    def branch(self, kind: str) -> Handler:
        """The function for triggers of `kind`; for runs by hand the default one, else the first."""
        found = self.by_kind.get(kind) or self.by_kind.get("default")
        return found or next(iter(self.by_kind.values()))

    def __call__(self, input: Any, ctx: Any) -> Any:
        return self.branch(ctx.trigger.type)(input, ctx)


def multi_trigger_step(config: Any) -> MultiTriggerStepBuilder:
    """A step whose triggers have handlers of their own."""
    return MultiTriggerStepBuilder(config_dict(config))


def config_dict(config: Any) -> dict[str, Any]:
    """A config as a dict of its own, its triggers as dicts."""
    plain = dict(config) if isinstance(config, Mapping) else dict(config.to_config())
    if isinstance(triggers := plain.get("triggers"), list | tuple):
        plain["triggers"] = [trigger_config(trigger) for trigger in triggers]
    return plain


def _is_config(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "name" in value or "triggers" in value
    return hasattr(value, "to_config") and hasattr(value, "triggers")


def _step_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a step out of those of a decorator."""
    names = ("name", "description", "flows", "virtual_enqueues", "virtual_subscribes", "include_files")
    own = {name: options.pop(name) for name in names if name in options}
    own["enqueues"] = [*_listed(options.pop("enqueues", ())), *_listed(options.pop("emits", ()))]
    return own


def _split(options: dict[str, Any], keys: frozenset[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options in `keys`, and the others as written.

    Discovery knows more spellings (`maxRetries`), and says with the nearest name what has no effect.
    """
    known = {key: value for key, value in options.items() if key in keys}
    return known, {key: value for key, value in options.items() if key not in keys}


def _listed(items: Any) -> list[Any]:
    """The items of a list; one text, or one topic as a dict or value, is a list of one."""
    return list(items) if isinstance(items, Sequence) and not isinstance(items, str) else [items]


def _decorator(
    kind: str,
    id: str | None,
    triggers: Callable[[str], list[dict[str, Any]]],
    options: dict[str, Any],
) -> Callable[[F], F]:
    name = options.pop("name", None) or id
    if name is not None and not isinstance(name, str):
        _bad_use(kind, name)

    def decorate(function: F) -> F:
        if isinstance(function, str) or not callable(function):
            _bad_use(kind, function)
        return _define(function, triggers(name or function.__name__), name, options)

    return decorate


def _bad_use(kind: str, got: Any) -> NoReturn:
    raise misuse(
        f"@{kind}: expected an id and a function, got {got!r}", hint=f'write @{kind}(id="my-step", …)'
    )


def _define(function: F, triggers: list[dict[str, Any]], name: str | None, options: Mapping[str, Any]) -> F:
    _expect_plain(function)
    definition: dict[str, Any] = {
        "name": name or function.__name__,
        "dialect": "function",
        "triggers": triggers,
        **{key: value for key, value in options.items() if value},
    }
    if "description" not in definition and function.__doc__:
        definition["description"] = function.__doc__.strip().split("\n", 1)[0]
    # A new list: functools.wraps shares the old one with the function inside.
    function.__dict__[DEFINITIONS] = [*function.__dict__.get(DEFINITIONS, ()), definition]
    return function


def _expect_plain(function: Any) -> None:
    """Only functions of the module's own are found; nothing else that was decorated may be lost silently."""
    if not isinstance(_expect_function(function, "step"), FunctionType):
        raise misuse(
            f"step: expected a function, got {function!r}",
            hint="decorate a function that calls it, or write `config = {...}` and `handler = ...`",
        )
    scope = function.__qualname__.rpartition(".")[0]
    if scope and not scope.endswith("<locals>"):
        raise misuse(
            f"step: expected a function of the module, got the method {function.__qualname__}",
            hint="a step has no instance to call it on: write a function, and take the object by `Depends`",
        )


def _expect_function(handler: Any, where: str) -> Any:
    if not callable(handler):
        raise misuse(f"{where}: expected a function as handler, got {handler!r}")
    return handler
