"""Three dialects in, one `Step` out: every way a config is written becomes the frozen words of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from motia.core.spelling import did_you_mean
from motia.core.step import Emission, Source, Step, StreamDefinition
from motia.core.trigger import QueueTrigger, Trigger
from motia.discovery.notices import Notice
from motia.discovery.policy import CONTAINERS, flattened
from motia.discovery.section import Entry, Report, Section, read_section
from motia.discovery.triggers import (
    KEYS_OF_KIND,
    KIND_OF_TYPE,
    TRIGGER_ALIASES,
    CronCheck,
    TriggerKind,
    read_triggers,
)
from motia.discovery.values import shown
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition

Dialect = Literal["triggers", "type", "function"]

_STEP_ALIASES = {
    **TRIGGER_ALIASES,
    "id": "name",
    "virtual_emits": "virtual_enqueues",
}
_STEP_KEYS = frozenset(
    {
        "name",
        "type",
        "triggers",
        "dialect",
        "description",
        "emits",
        "enqueues",
        "virtual_enqueues",
        "virtual_subscribes",
        "flows",
        "include_files",
    }
)
_ALL_KEYS = _STEP_KEYS | CONTAINERS | frozenset().union(*KEYS_OF_KIND.values())
_TRIGGER_KEYS = {"type", "kind", "index", "description"}
_STREAM_ALIASES = {"id": "name", "stream_name": "name"}
_STREAM_KEYS = frozenset(
    {"name", "description", "schema", "access", "can_access", "on_join", "on_leave", "base_config", "type"}
)


class NormalisedStep(NamedTuple):
    """A step, or the problems that keep it out; notices in either case."""

    step: Step | None
    problems: list[DefinitionError]
    notices: list[Notice]


class NormalisedStream(NamedTuple):
    """A stream, or the problems that keep it out; notices in either case."""

    stream: StreamDefinition | None
    problems: list[DefinitionError]
    notices: list[Notice]


def no_cron_check(expression: str, timezone: str | None) -> None:
    """Accepts every expression, for callers that check them elsewhere."""


def to_step(definition: Definition, check_cron: CronCheck = no_cron_check) -> NormalisedStep:
    """The step that a definition declares in any dialect. All its problems are returned, none is raised."""
    report = Report(definition)
    config = definition.config
    if not config:
        report.problem(
            "config: expected at least a name and triggers, got an empty config", code="step.empty_config"
        )
        return NormalisedStep(None, report.problems, report.notices)
    section = read_section(config, "config", report, aliases=_STEP_ALIASES, known=_ALL_KEYS)
    report.name = section.text("name")
    if "name" not in section.entries:
        report.problem(
            "config: expected a name, got none",
            code="step.no_name",
            hint='give it a unique one: "name": "CreateOrder"',
        )
    dialect = _dialect(section)
    type_name = _type_of(section)
    triggers = _triggers(section, type_name, dialect, check_cron)
    if triggers and definition.handler is None:
        report.problem(
            "step: expected a handler for its triggers, got none",
            code="step.no_handler",
            hint="define `handler` beside `config`; a step that is only drawn in flows has no triggers",
        )
    emissions = (*_emissions(section, "emits"), *_emissions(section, "enqueues"))
    step = Step(
        name=report.name or "",
        source=Source(path=definition.path, line=definition.line, language=definition.language),
        triggers=tuple(triggers),
        handler=definition.handler,
        description=_description(section),
        emissions=tuple(dict.fromkeys((*emissions, *_emissions(section, "virtual_enqueues", virtual=True)))),
        virtual_subscribes=section.texts("virtual_subscribes"),
        flows=section.texts("flows"),
        include_files=section.texts("include_files"),
        dialect=dialect,
    )
    return NormalisedStep(None if report.problems else step, report.problems, report.notices)


def _dialect(section: Section) -> Dialect:
    declared = section.value("dialect")
    if declared in ("triggers", "type", "function"):
        return declared  # type: ignore[no-any-return]  # narrowed by the test above
    if "triggers" in section.entries:
        return "triggers"
    name = section.entries.get("name")
    return "function" if name is not None and name.where.endswith(".id") else "type"


def _type_of(section: Section) -> str | None:
    """The `type` of the whole step where it has one; "" when it is wrong and was reported."""
    if "type" not in section.entries:
        if "triggers" in section.entries:
            return None
        section.report.problem(
            "config: expected `triggers` or a `type` (api, event, cron, noop), got neither",
            code="step.no_type",
        )
        return ""
    written = section.value("type")
    if isinstance(written, str) and (written in KIND_OF_TYPE or written == "noop"):
        return written
    _unknown_type(section)
    return ""


def _unknown_type(section: Section) -> None:
    known = ("http", "api", "queue", "event", "cron", "state", "stream", "at", "noop")
    written = section.value("type")
    section.report.problem(
        f"{section.at('type')}: expected one of {', '.join(known)}, got {shown(written)}",
        code="step.unknown_type",
        hint=did_you_mean(written, known) if isinstance(written, str) else None,
    )


def _triggers(
    section: Section, type_name: str | None, dialect: Dialect, check_cron: CronCheck
) -> list[Trigger]:
    flat = flattened(section)
    if "triggers" in section.entries:
        triggers = _listed_triggers(section, flat, check_cron)
    elif type_name and type_name != "noop":
        kind = KIND_OF_TYPE[type_name]
        triggers = _typed_triggers(section, flat, kind, dialect, check_cron)
    else:
        triggers = []
    return _without_repeats(triggers, section)


def _typed_triggers(
    section: Section, flat: Section, kind: TriggerKind, dialect: Dialect, check_cron: CronCheck
) -> list[Trigger]:
    allowed = KEYS_OF_KIND[kind] | ({"input"} if kind == "http" else set())
    for key, entry in section.entries.items():
        if key not in allowed and key not in _STEP_KEYS and key not in CONTAINERS:
            section.report.notice(f"{entry.where}: no effect on a step of type {section.value('type')}")
    if kind == "queue" and not {"topic", "subscribes"} & flat.entries.keys() and dialect == "function":
        # `trigger(id, data)` reaches such a step by its id alone.
        flat = flat.over({"topic": Entry(section.at("name"), section.value("name"))})
    return read_triggers(kind, _restricted(flat, allowed), check_cron)


def _listed_triggers(section: Section, flat: Section, check_cron: CronCheck) -> list[Trigger]:
    listed = section.value("triggers")
    listed = [listed] if isinstance(listed, Mapping) else listed
    if not isinstance(listed, list | tuple):
        section.wrong("triggers", "a list of triggers")
        return []
    triggers: list[Trigger] = []
    for index, raw in enumerate(listed):
        where = f"config.triggers[{index}]"
        if not isinstance(raw, Mapping):
            section.report.problem(f"{where}: expected a trigger, got {shown(raw)}", code="step.bad_trigger")
            continue
        triggers += _listed_trigger(raw, where, section.report, flat, check_cron)
    topics = {trigger.topic for trigger in triggers if isinstance(trigger, QueueTrigger)}
    beside = [topic for topic in section.texts("subscribes") if topic not in topics]
    if beside:
        entry = Entry(section.at("subscribes"), beside)
        own = Section({"subscribes": entry}, section.where, section.report)
        triggers += read_triggers("queue", own.over(_shared(flat, "queue")), check_cron)
    return triggers


def _listed_trigger(
    raw: Mapping[str, Any], where: str, report: Report, flat: Section, check_cron: CronCheck
) -> list[Trigger]:
    type_name = raw.get("type", raw.get("kind"))
    if type_name == "noop":
        return []
    kind = KIND_OF_TYPE.get(type_name) if isinstance(type_name, str) else None
    if kind is None:
        _unknown_type(Section({"type": Entry(f"{where}.type", type_name)}, where, report))
        return []
    allowed = KEYS_OF_KIND[kind] | ({"input"} if kind == "http" else set())
    aliases = {**TRIGGER_ALIASES, **({"name": "stream", "id": "item_id"} if kind == "stream" else {})}
    own = flattened(
        read_section(raw, where, report, aliases=aliases, known=allowed | CONTAINERS | _TRIGGER_KEYS)
    )
    return read_triggers(kind, own.over(_shared(flat, kind)), check_cron)


def _shared(flat: Section, kind: TriggerKind) -> dict[str, Entry]:
    """What stands beside `triggers` and applies to each of a kind that does not say it itself."""
    allowed = KEYS_OF_KIND[kind] - {"topic", "subscribes"}
    return {key: entry for key, entry in flat.entries.items() if key in allowed}


def _restricted(section: Section, allowed: frozenset[str] | set[str]) -> Section:
    entries = {key: entry for key, entry in section.entries.items() if key in allowed}
    return Section(entries, section.where, section.report)


def _without_repeats(triggers: list[Trigger], section: Section) -> list[Trigger]:
    """Each (step, topic) is one queue, so one topic can be named once only."""
    kept: list[Trigger] = []
    for trigger in triggers:
        if trigger in kept:
            section.report.notice(f"config: the same {trigger.kind} trigger twice, the second has no effect")
            continue
        same_topic = isinstance(trigger, QueueTrigger) and any(
            isinstance(other, QueueTrigger) and other.topic == trigger.topic for other in kept
        )
        if isinstance(trigger, QueueTrigger) and same_topic:
            section.report.problem(
                f"config.triggers: expected one trigger a topic, got two for {trigger.topic!r}",
                code="step.bad_trigger",
                hint="join them: one condition can decide for both",
            )
            continue
        kept.append(trigger)
    return kept


def _description(section: Section) -> str:
    value = section.value("description")
    if value is None or isinstance(value, str):
        return value or ""
    section.wrong("description", "a text")
    return ""


def _emissions(section: Section, key: str, *, virtual: bool = False) -> list[Emission]:
    value = section.value(key)
    if value is None:
        return []
    emissions = []
    items = [value] if isinstance(value, str | Mapping) else value
    for item in items if isinstance(items, list | tuple) else [None]:
        named = {"topic": item} if isinstance(item, str) else item
        if not isinstance(named, Mapping) or not isinstance(named.get("topic"), str) or not named["topic"]:
            section.wrong(key, "topics, as texts or {topic, label, conditional}")
            return []
        emissions.append(
            Emission(
                topic=named["topic"],
                label=str(named.get("label") or ""),
                conditional=bool(named.get("conditional")),
                virtual=virtual,
            )
        )
    return emissions


def to_stream(definition: Definition) -> NormalisedStream:
    """The stream that a definition declares. All its problems are returned, none is raised."""
    report = Report(definition)
    section = read_section(definition.config, "config", report, aliases=_STREAM_ALIASES, known=_STREAM_KEYS)
    name = report.name = section.text("name")
    if "name" not in section.entries:
        report.problem("config: expected the stream's name, got none", code="stream.no_name")
    base = section.value("base_config")
    if isinstance(base, Mapping) and base.get("storageType", base.get("storage_type")) == "custom":
        report.notice(
            f"{section.at('base_config')}: custom storage has no effect, streams are kept by the backend"
        )
    source = Source(path=definition.path, line=definition.line, language=definition.language)
    stream = StreamDefinition(
        name=name or "",
        source=source,
        description=_description(section),
        schema=section.schema("schema"),
        join_roles=_join_roles(section),
        can_access=section.function("can_access"),
        on_join=section.function("on_join"),
        on_leave=section.function("on_leave"),
        sources=(source,),
    )
    return NormalisedStream(None if report.problems else stream, report.problems, report.notices)


def _join_roles(section: Section) -> frozenset[str] | None:
    access = section.value("access")
    if access is None:
        return None
    roles = access.get("join") if isinstance(access, Mapping) and access.keys() == {"join"} else None
    roles = [roles] if isinstance(roles, str) else roles
    if not isinstance(roles, list | tuple) or not all(isinstance(role, str) and role for role in roles):
        section.wrong("access", 'the roles that may join, as {"join": ["member"]}')
        return None
    return frozenset(roles)
