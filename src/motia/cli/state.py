"""`motia state …`"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia.cli.options import HERE, AsJson, ProjectDir, Yes
from motia.cli.output import (
    EXIT_FAILED,
    confirm,
    note,
    note_limit,
    parse_json,
    print_json,
    print_line,
    print_table,
    time_text,
)
from motia.cli.project import discover, load_project, with_store
from motia.core.wording import counted

if TYPE_CHECKING:
    from motia.backends.protocol import Backend
    from motia.core.batch import ChangeDelivery, Operation
    from motia.settings import Settings
    from motia.state.store import StateEntry

app = typer.Typer(help="Read and change state. What is set or deleted runs state triggers, as in a step.")
Scope = Annotated[str, typer.Argument(help="The scope (group) of the key.")]
Key = Annotated[str, typer.Argument(help="The key.")]


@app.command("get")
def get(scope: Scope, key: Key, directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Print the value of a key as JSON; exit code 1 when there is none."""

    async def read(backend: Backend) -> StateEntry | None:
        return await backend.state.get(scope, key, _now_ms())

    entry = with_store(load_project(directory).settings, read)
    if entry is None:
        if as_json:
            print_json(None)
        note(f"state: no key {key!r} in scope {scope!r}")
        raise typer.Exit(EXIT_FAILED)
    if as_json:
        print_json(_entry_document(entry))
    else:
        print_line(entry.value.decode())


@app.command("list")
def list_(
    scope: Annotated[str | None, typer.Argument(help="The scope; without it, the scopes.")] = None,
    directory: ProjectDir = HERE,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows to print.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """List the scopes, or the keys of one."""
    settings = load_project(directory).settings
    if scope is None:

        async def read_scopes(backend: Backend) -> list[str]:
            return await backend.state.scopes(_now_ms(), limit=limit)

        scopes = with_store(settings, read_scopes)
        if as_json:
            print_json(scopes)
        else:
            print_table(("SCOPE",), ((name,) for name in scopes))
        note_limit(len(scopes), limit)
        return
    name = scope

    async def read_entries(backend: Backend) -> list[StateEntry]:
        return await backend.state.entries(name, _now_ms(), limit=limit)

    entries = with_store(settings, read_entries)
    if as_json:
        print_json([_entry_document(entry) for entry in entries])
    else:
        print_table(
            ("KEY", "VALUE", "EXPIRES"),
            ((entry.key, entry.value.decode(), time_text(entry.expires_at_ms)) for entry in entries),
        )
    note_limit(len(entries), limit)


@app.command("set")
def set_(
    scope: Scope,
    key: Key,
    value: Annotated[str, typer.Argument(help="The value as JSON; - reads it from stdin.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Set a key. The project's state triggers run."""
    from motia.core.batch import StatePut
    from motia.encoding import encode

    text = encode(parse_json(value, "value"))
    settings = load_project(directory).settings
    deliveries = _deliveries(settings, scope, key)
    put = StatePut(scope=scope, key=key, value=text, now_ms=_now_ms(), deliveries=deliveries)
    result = _commit(settings, [put])
    if as_json:
        print_json({"scope": scope, "key": key, "version": result.version, "created": result.old is None})


@app.command("delete")
def delete(scope: Scope, key: Key, directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Delete a key; exit code 1 when there was none. The project's state triggers run."""
    from motia.core.batch import StateDelete

    settings = load_project(directory).settings
    deliveries = _deliveries(settings, scope, key)
    result = _commit(settings, [StateDelete(scope=scope, key=key, now_ms=_now_ms(), deliveries=deliveries)])
    if as_json:
        print_json({"scope": scope, "key": key, "deleted": result.old is not None})
    if result.old is None:
        note(f"state: no key {key!r} in scope {scope!r}")
        raise typer.Exit(EXIT_FAILED)


@app.command("clear")
def clear(scope: Scope, directory: ProjectDir = HERE, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete every key of a scope. No state trigger runs, as in a step."""
    from motia.core.batch import StateClear

    confirm(f"Delete every key of scope {scope!r}?", yes=yes)
    count = _commit(load_project(directory).settings, [StateClear(scope, _now_ms())])
    if as_json:
        print_json({"scope": scope, "deleted": count})
    else:
        print_line(f"{count} deleted")


def _deliveries(settings: Settings, scope: str, key: str) -> list[ChangeDelivery]:
    """The state triggers that a change of the key runs, by the project's steps as they are now."""
    from motia.core.batch import ChangeDelivery
    from motia.core.clock import SystemClock, SystemEntropy
    from motia.core.ids import Ids
    from motia.core.message import TraceContext

    try:
        found = discover(settings)
    except Exception as error:  # whatever it is: the person asked for a change of state, and can be told
        note(f"the project does not load, so no state trigger runs: {error}")
        return []
    if found.problems:
        note(
            "broken steps have no state triggers, see `motia steps`:"
            f" {counted(len(found.problems), 'problem')}"
        )
    ids = Ids(SystemClock(), SystemEntropy())
    trace = TraceContext(ids.trace_id(), "", 0)
    queues = found.registry.queues_watching(scope, key)
    return [ChangeDelivery(queue, ids.message_id(), trace) for queue in queues]


def _commit(settings: Settings, operations: Sequence[Operation]) -> Any:
    from motia.core.batch import Batch

    async def write(backend: Backend) -> Any:
        return (await backend.commit(Batch(operations)))[0]

    return with_store(settings, write)


def _entry_document(entry: StateEntry) -> dict[str, Any]:
    from motia.encoding import decode

    return {
        "key": entry.key,
        "value": decode(entry.value),
        "version": entry.version,
        "expires_at_ms": entry.expires_at_ms,
    }


def _now_ms() -> int:
    from motia.core.clock import SystemClock

    return SystemClock().now_ms()
