"""`motia cancel`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.ids import parse_ids
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import fail_if_none, print_json, print_line
from motia.cli.project import load_project, with_store

if TYPE_CHECKING:
    from motia.backends.protocol import Backend

_PAGE = 500


def cancel(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of messages.", show_default=False)] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", help="Everything of this trace.", show_default=False)
    ] = None,
    bulk: Annotated[
        str | None, typer.Option("--bulk", help="What is left of this `enqueue_many`.", show_default=False)
    ] = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """End messages: those that wait are never run, those that run are interrupted, runs of workflows undo
    what they did."""
    if not ids and not trace and not bulk:
        raise typer.BadParameter("expected ids of messages, --trace or --bulk, got none of them")
    chosen = parse_ids(ids or [])
    bulks = parse_ids([bulk] if bulk else [])

    async def write(backend: Backend) -> int:
        count = await _cancel(backend, chosen)
        # What runs may enqueue until it is stopped: looked for until nothing is left.
        while trace and (found := await _cancel(backend, await backend.queue.of_trace(trace))):
            count += found
        for one in bulks:
            count += await _cancel_bulk(backend, one)
        return count

    count = with_store(load_project(directory).settings, write)
    if as_json:
        print_json({"cancelled": count})
    else:
        print_line(f"{count} cancelled")
    fail_if_none(count, ids, "messages that have not ended", "`motia traces` shows what became of them")


async def _cancel_bulk(backend: Backend, bulk: bytes) -> int:
    from motia.core.batch import Batch, CancelMessages
    from motia.core.clock import SystemClock

    count = 0
    while True:
        operation = CancelMessages(bulk=bulk, limit=_PAGE, now_ms=SystemClock().now_ms())
        (ended,) = await backend.commit(Batch((operation,)))
        if not ended:
            return count
        count += len(ended)


async def _cancel(backend: Backend, ids: list[bytes]) -> int:
    from motia.core.batch import Batch, CancelMessages
    from motia.core.clock import SystemClock

    count = 0
    for first in range(0, len(ids), _PAGE):
        page = frozenset(ids[first : first + _PAGE])
        operation = CancelMessages(page, limit=100_000, now_ms=SystemClock().now_ms())
        (ended,) = await backend.commit(Batch((operation,)))
        count += len(ended)
    return count
