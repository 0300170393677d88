"""`motia queue dead`, `redrive`, `purge`: look at dead letters, send them back, delete them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia.cli.ids import parse_ids
from motia.cli.options import HERE, AsJson, ProjectDir, Text, Yes
from motia.cli.output import confirm, fail_if_none, note_limit, parse_json, print_json, print_line, print_list
from motia.cli.project import discover, load_project, with_store
from motia.cli.unknown import note_orphans, note_unknown
from motia.cli.when import parse_past

if TYPE_CHECKING:
    from motia.backends.protocol import Backend
    from motia.core.message import QueueDepth
    from motia.engine.dead_letters import Forecast
    from motia.queue.dead_letters import DeadLetterQuery
    from motia.settings.model import Settings

LetterIds = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only of this topic.", show_default=False)]
StepName = Annotated[str | None, typer.Option("--step", help="Only of this step.", show_default=False)]
Code = Annotated[str | None, typer.Option("--code", help="Only with this code.", show_default=False)]
Cause = Annotated[
    str | None,
    typer.Option("--cause", help="Only of this cause, as `dead --grouped` prints it.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only those that died since then: 2h, 2030-01-31T09:00.", show_default=False
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Only those that died before: 15m, 2030-01-31T10:00.", show_default=False),
]
Rate = Annotated[
    str | None,
    typer.Option("--rate", help="Let no more than this many start: 10/s, 100/minute.", show_default=False),
]
Edit = Annotated[
    str | None,
    typer.Option("--edit", help="JSON to send in place of its payload; `-` reads stdin.", show_default=False),
]


def dead(
    ids: LetterIds = None,
    grouped: Annotated[bool, typer.Option("--grouped", help="One line a cause, with counts.")] = False,
    topic: Topic = None,
    step: StepName = None,
    code: Code = None,
    cause: Cause = None,
    text: Text = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most lines to print.")] = 100,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first, or their causes, the most frequent first."""
    from motia.core.causes import headline
    from motia.engine import dead_letters

    query = _query(ids, topic, step, code, cause, text, since, until)
    settings = load_project(directory).settings
    if grouped:
        groups = with_store(settings, lambda backend: backend.queue.dead_groups(query))[:limit]
        print_list(
            [dead_letters.group_document(group) for group in groups],
            {
                "CAUSE": "cause",
                "COUNT": "count",
                "TOPIC": "topic",
                "STEP": "step",
                "CODE": "code",
                "FIRST": "first_ms",
                "LAST": "last_ms",
                "ERROR": "message",
            },
            as_json=as_json,
        )
        note_limit(len(groups), limit)
        return

    async def read(backend: Backend) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for letter in dead_letters.walk(backend, query):
            found.append(dead_letters.letter_document(letter))
            if len(found) == limit:
                break
        return found

    documents = with_store(settings, read)
    print_list(
        [{**one, "payload": one.pop("data")} for one in documents],
        {
            "ID": "id",
            "TOPIC": "topic",
            "STEP": "step",
            "DIED": "died_at_ms",
            "CODE": "code",
            "ATTEMPTS": lambda letter: letter["failures"] + letter["crashes"],
            "ERROR": lambda letter: headline((letter["error"] or {}).get("message") or ""),
        },
        as_json=as_json,
    )
    note_limit(len(documents), limit)
    if not documents:
        note_unknown(settings, topic=topic, step=step)


def redrive(
    ids: LetterIds = None,
    every: All = False,
    topic: Topic = None,
    step: StepName = None,
    code: Code = None,
    cause: Cause = None,
    text: Text = None,
    since: Since = None,
    until: Until = None,
    rate: Rate = None,
    edit: Edit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, and what not.")
    ] = False,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to their queues with fresh attempts, the oldest first."""
    from motia.core.clock import SystemClock
    from motia.engine import dead_letters

    query = _query(ids, topic, step, code, cause, text, since, until, every=every, must_choose=True)
    per_second = None if rate is None else _per_second(rate)
    settings = load_project(directory).settings
    if edit is not None:
        if len(ids or []) != 1 or rate is not None or dry_run:
            raise typer.BadParameter("expected --edit with the id of one dead letter, and nothing else")
        _redrive_edited(settings, (ids or [])[0], query, parse_json(edit, "--edit"), as_json=as_json)
        return
    if dry_run:
        registry = discover(settings).registry
        _print_forecast(
            with_store(settings, lambda backend: dead_letters.forecast(backend, registry, query)), as_json
        )
        return
    now_ms = SystemClock().now_ms()

    depths: list[QueueDepth] = []

    async def send_back(backend: Backend) -> int:
        count = await dead_letters.redrive(backend, query, now_ms=now_ms, per_second=per_second)
        depths.extend(await backend.queue.depths() if count else ())
        return count

    _on_letters(settings, "redriven", send_back, query, ids, as_json)
    if depths:
        note_orphans(settings, depths)


def purge(
    ids: LetterIds = None,
    every: All = False,
    topic: Topic = None,
    step: StepName = None,
    code: Code = None,
    cause: Cause = None,
    text: Text = None,
    since: Since = None,
    until: Until = None,
    directory: ProjectDir = HERE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters for good."""
    from motia.engine import dead_letters

    query = _query(ids, topic, step, code, cause, text, since, until, every=every, must_choose=True)
    confirm("Delete these dead letters for good?", yes=yes)
    settings = load_project(directory).settings
    _on_letters(settings, "purged", lambda backend: dead_letters.purge(backend, query), query, ids, as_json)


def _query(
    ids: list[str] | None,
    topic: str | None,
    step: str | None,
    code: str | None,
    cause: str | None,
    text: str | None,
    since: str | None,
    until: str | None,
    *,
    every: bool = False,
    must_choose: bool = False,
) -> DeadLetterQuery:
    from motia.core.clock import SystemClock
    from motia.queue.dead_letters import DeadLetterQuery

    given = (ids or None, topic, step, code, cause, text, since, until)
    if must_choose and not every and all(one is None for one in given):
        raise typer.BadParameter(
            "expected ids of dead letters, a choice such as --step or --cause, or --all, got none of them"
        )
    now_ms = SystemClock().now_ms()
    return DeadLetterQuery(
        ids=frozenset(parse_ids(ids)) if ids else None,
        topic=topic,
        step=step,
        code=code,
        cause=cause,
        text=text,
        died_since_ms=None if since is None else parse_past(since, now_ms),
        died_before_ms=None if until is None else parse_past(until, now_ms),
    )


def _per_second(text: str) -> float:
    from motia.discovery.flow_control import rate_of_text

    rate = rate_of_text(text)
    if rate is None:
        raise typer.BadParameter(f"--rate: expected a rate such as 10/s or 100/minute, got {text!r}")
    return rate.limit / rate.period_s


def _on_letters(
    settings: Settings,
    what: str,
    work: Callable[[Backend], Awaitable[int]],
    query: DeadLetterQuery,
    ids: list[str] | None,
    as_json: bool,
) -> None:
    count = with_store(settings, work)
    if as_json:
        print_json({what: count})
    else:
        print_line(f"{count} {what}")
    if not count:
        note_unknown(settings, topic=query.topic, step=query.step)
    fail_if_none(count, ids, "dead letters", "`motia queue dead` lists those there are")


def _redrive_edited(settings: Settings, id: str, query: DeadLetterQuery, data: Any, *, as_json: bool) -> None:
    from motia.core.clock import SystemClock, SystemEntropy
    from motia.core.ids import Ids, format_id
    from motia.engine import dead_letters
    from motia.errors import InputError

    registry = discover(settings).registry
    clock = SystemClock()

    async def write(backend: Backend) -> str:
        async for letter in dead_letters.walk(backend, query):
            message = await dead_letters.redrive_edited(
                backend,
                registry,
                letter,
                data,
                ids=Ids(clock, SystemEntropy()),
                now_ms=clock.now_ms(),
                max_bytes=settings.limits.message_bytes,
            )
            return format_id(message.id)
        raise InputError(
            f"dead letter {id}: expected one that is dead, got none of that id",
            code="queue.unknown_letter",
            hint="`motia queue dead` lists them",
        )

    sent = with_store(settings, write)
    if as_json:
        print_json({"redriven": 1, "message_id": sent})
    else:
        print_line(f"1 redriven as {sent}")


def _print_forecast(found: Forecast, as_json: bool) -> None:
    from motia.engine.dead_letters import forecast_document

    document = forecast_document(found)
    if as_json:
        print_json(document)
        return
    for one in document["would_run"]:
        print_line(f"{one['topic'] or '-'} → {one['step']}: {one['count']} would run")
    for one in document["refusals"]:
        print_line(f"{one['id']} of {one['step']} would not: {one['code']}: {one['message']}")
    if found.refused > len(found.refusals):
        print_line(f"and {found.refused - len(found.refusals)} more would not")
    print_line(f"{found.letters - found.refused} of {found.letters} would run; nothing was changed")
