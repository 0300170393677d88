"""Checks over a whole project: what each step says is right by itself, but not beside the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from motia.core.registry import file_that_names
from motia.core.spelling import did_you_mean
from motia.core.step import Source, Step, StreamDefinition
from motia.core.trigger import HttpTrigger, QueueTrigger, StreamTrigger, process_of
from motia.discovery.agreement import agreement_notices
from motia.discovery.notices import Notice
from motia.discovery.routes import route_key
from motia.errors import DefinitionError

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Checked:
    """The steps and streams that may serve, and what keeps the others out."""

    steps: tuple[Step, ...]
    streams: tuple[StreamDefinition, ...]
    problems: tuple[DefinitionError, ...]
    notices: tuple[Notice, ...]


def check_project(
    steps: Sequence[Step],
    streams: Sequence[StreamDefinition],
    *,
    unread: Mapping[str, str] = _NOTHING,
    waits: Iterable[str] = (),
) -> Checked:
    """Of two steps with one name or one route the first serves and the second is a problem.

    Streams of the same name are merged; topics that lead nowhere are notices, but for those that a file names
    which could not be loaded: `unread` gives the texts of these by path. Workflows wait for the topics
    `waits`.
    """
    named, refused, problems = _unique_names(steps)
    kept, route_problems = _unique_routes(named, refused)
    merged, stream_notices = _merged(streams)
    notices = [
        *stream_notices,
        *_topic_notices(kept, unread, waits),
        *_failure_notices(kept, unread),
        *_stream_notices(kept, merged, unread),
        *_process_notices(kept),
        *agreement_notices(kept),
    ]
    return Checked(tuple(kept), tuple(merged), (*problems, *route_problems), tuple(notices))


def _unique_names(steps: Iterable[Step]) -> tuple[list[Step], list[Step], list[DefinitionError]]:
    """The first step of each name, the others, and what is said of these."""
    first: dict[str, Step] = {}
    refused, problems = [], []
    for step in steps:
        other = first.setdefault(step.name, step)
        if other is not step:
            refused.append(step)
            problems.append(
                DefinitionError(
                    f"name: expected a unique one, got {step.name!r} which {other.source} has already",
                    code="step.duplicate_name",
                    path=step.source.path,
                    line=step.source.line,
                    step=step.name,
                    details={"first": str(other.source), "second": str(step.source)},
                    hint="rename one of the two; until then this one is left out",
                )
            )
    return list(first.values()), refused, problems


def _unique_routes(
    steps: Sequence[Step], refused: Sequence[Step]
) -> tuple[list[Step], list[DefinitionError]]:
    """Those of `steps` whose routes are their own, and what is said of the others.

    Also of the `refused`: who mends what keeps one of them out is not to learn then of its routes.
    """
    taken: dict[tuple[str, str], Step] = {}
    kept, problems = [], []
    for place, step in enumerate([*steps, *refused]):
        own: dict[tuple[str, str], Step] = {}
        clashes: list[tuple[HttpTrigger, Step]] = []
        for route in step.triggers:
            if isinstance(route, HttpTrigger):
                key = route_key(route.method, route.path)
                other = taken.get(key) or own.get(key)
                if other is not None:
                    clashes.append((route, other))
                own[key] = step
        if place < len(steps) and not clashes:
            taken.update(own)
            kept.append(step)
        problems += [_route_problem(step, route, other) for route, other in clashes]
    return kept, problems


def _route_problem(step: Step, route: HttpTrigger, other: Step) -> DefinitionError:
    files = " or ".join(dict.fromkeys((step.source.path, other.source.path)))
    return DefinitionError(
        f"{step.name}: expected a route of its own, got {route.method} {route.path} which "
        f"{other.name} in {other.source} serves already",
        code="step.duplicate_route",
        path=step.source.path,
        line=step.source.line,
        step=step.name,
        details={"first": str(other.source), "second": str(step.source)},
        hint=f"change the path or the method in {files}",
    )


def _merged(streams: Iterable[StreamDefinition]) -> tuple[list[StreamDefinition], list[Notice]]:
    groups: dict[str, list[StreamDefinition]] = {}
    for stream in streams:
        groups.setdefault(stream.name, []).append(stream)
    notices: list[Notice] = []
    return [_one_stream(group, notices) for group in groups.values()], notices


def _one_stream(group: list[StreamDefinition], notices: list[Notice]) -> StreamDefinition:
    # A handle belongs to the language of the stream's source, so all functions come from one declaration.
    with_functions = [stream for stream in group if stream.can_access or stream.on_join or stream.on_leave]
    chosen = with_functions[0] if with_functions else group[0]
    for other in with_functions[1:]:
        notices.append(
            Notice(
                other.source.path,
                other.source.line,
                f"stream {other.name!r}: its functions have no effect, those of {chosen.source} are used",
                "declare canAccess, onJoin and onLeave in one file",
            )
        )
    sources: tuple[Source, ...] = tuple(source for stream in group for source in stream.sources)
    return replace(
        chosen,
        description=chosen.description or next((s.description for s in group if s.description), ""),
        join_roles=_strictest(stream.join_roles for stream in group),
        schema=next((s.schema for s in (chosen, *group) if s.schema is not None), None),
        sources=sources,
    )


def _strictest(declared: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Roles that every declaration which names any lets in."""
    found = [roles for roles in declared if roles is not None]
    return frozenset.intersection(*found) if found else None


def _process_notices(steps: Iterable[Step]) -> list[Notice]:
    return [
        Notice(
            path=step.source.path,
            line=step.source.line,
            message=f"execution: no effect in {step.source.language}, whose steps run in a process already",
            hint="leave it out, or write the step in Python",
        )
        for step in steps
        if step.source.language != "python" and process_of(step.triggers, None) is not None
    ]


def _topic_notices(steps: Iterable[Step], unread: Mapping[str, str], waits: Iterable[str]) -> list[Notice]:
    steps = list(steps)
    subscribed = {t.topic for step in steps for t in step.triggers if isinstance(t, QueueTrigger)}
    heard = subscribed.union(waits, *(step.virtual_subscribes for step in steps))
    enqueued = {emission.topic for step in steps for emission in step.emissions}
    notices = []
    for step in steps:
        for emission in step.emissions:
            if not (emission.virtual or emission.topic in heard or file_that_names(emission.topic, unread)):
                message = f"enqueues {emission.topic!r}, to which nothing subscribes"
                notices.append(_notice(step, message, emission.topic, heard))
        for trigger in step.triggers:
            if not isinstance(trigger, QueueTrigger) or trigger.topic in enqueued:
                continue
            if step.dialect != "function" and not file_that_names(trigger.topic, unread):
                # In the function dialect nobody declares what is enqueued: there it would always be said.
                message = f"subscribes to {trigger.topic!r}, which no step says it enqueues"
                notices.append(_notice(step, message, trigger.topic, enqueued))
    return notices


def _failure_notices(steps: Sequence[Step], unread: Mapping[str, str]) -> list[Notice]:
    """A dead letter that nobody is told of is found too late."""
    topics = {t.topic for step in steps for t in step.triggers if isinstance(t, QueueTrigger)}
    known = topics | {step.name for step in steps}
    return [
        _notice(step, f"on_failure: nobody is told, there is no step and no topic {told!r}", told, known)
        for step in steps
        for trigger in step.triggers
        if not isinstance(trigger, HttpTrigger)
        and (told := trigger.policy.on_failure) is not None
        and told not in known
        and not file_that_names(told, unread)
    ]


def _stream_notices(
    steps: Iterable[Step], streams: Iterable[StreamDefinition], unread: Mapping[str, str]
) -> list[Notice]:
    names = {stream.name for stream in streams}
    return [
        _notice(
            step, f"listens to the stream {trigger.stream!r}, which is not declared", trigger.stream, names
        )
        for step in steps
        for trigger in step.triggers
        if isinstance(trigger, StreamTrigger) and trigger.stream not in names
        if not file_that_names(trigger.stream, unread)
    ]


def _notice(step: Step, message: str, name: str, known: Iterable[str]) -> Notice:
    return Notice(step.source.path, step.source.line, f"{step.name}: {message}", did_you_mean(name, known))
