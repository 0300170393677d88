"""The storage seam: one way to write, reads per feature, and what a backend declares of itself.

A new backend implements `Backend` and passes `motia.testing.conformance`; nothing else in the framework
knows it by name. Each sentence below is a test of that suite.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from motia.core.batch import Batch
from motia.cron.store import ScheduleStore
from motia.queue.store import QueueStore
from motia.state.store import StateStore
from motia.streams.store import StreamStore
from motia.workflow.store import WorkflowStore

Then = Callable[[list[Any]], Any]
"""Makes something of what a batch resulted in."""
Otherwise = Callable[[Exception], Any]
"""Makes something of why a batch failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What may be relied on. Code and tests read this and never a backend's name."""

    durable: bool
    """A committed batch survives the death of the process."""
    survives_power_loss: bool
    """A committed batch survives a power cut."""
    shared: bool
    """Several nodes may open it at once."""


class Backend(Protocol):
    """A bundle of stores behind one write seam.

    *Concurrency*: all methods are called on the event loop that called `open`; none blocks it for long.
    *Failure*: `BackendError` says what the operator must do. After `backend.full` reads go on.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def queue(self) -> QueueStore: ...

    @property
    def state(self) -> StateStore: ...

    @property
    def schedule(self) -> ScheduleStore: ...

    @property
    def workflow(self) -> WorkflowStore: ...

    @property
    def streams(self) -> StreamStore: ...

    async def open(self) -> None:
        """Open the storage and bring its schema up to date.

        *Failure*: `BackendError` with `backend.too_new`, `backend.not_a_database`, `backend.unavailable`.
        """
        ...

    async def close(self) -> None:
        """Wait for the batches in hand and release everything. Safe twice."""
        ...

    def commit(
        self, batch: Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        """Apply a batch; the future's list holds one result an operation, in their order.

        With `then` the future holds what it makes of that list, and with `otherwise` what that makes of a
        failure. They are called once that is known, on the loop, also where nobody waits for the future any
        more.
        When it resolves, the batch is as durable as `capabilities` say. *Order*: batches are applied in
        the order of the calls. *Concurrency*: batches that wait together share one transaction; one that
        fails is rolled back alone and its neighbours go on. *Cancellation*: cancelling the future does not
        undo the batch, its fate is then unknown. *Failure*: `ConflictError` when a guard does not hold
        (nothing was written), `InputError` `state.bad_update`, `BackendError`.
        """
        ...

    def on_work(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the loop whenever this or another node may have made messages ready.

        Signals may be lost or merged; whoever listens also looks by itself now and then.
        """
        ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the loop whenever this or another node may have lengthened the change log.

        Signals may be merged but none is lost for good: after each change there is a call within a second.
        """
        ...

    def tell_nodes(self, news: bytes) -> None:
        """Send a few kilobytes to the other nodes at once, past storage. They may be lost on the way."""
        ...

    def on_news(self, listener: Callable[[bytes], None]) -> None:
        """Call `listener` on the loop with what another node tells."""
        ...

    @property
    def worn(self) -> str | None:
        """Why this process should be replaced, as where its file was deleted; None while all is well."""
        ...

    def pending_operations(self) -> int:
        """Operations handed to `commit` and not yet applied: the length of the writer's queue."""
        ...


def answered(
    result: list[Any] | Exception, then: Then | None, otherwise: Otherwise | None
) -> asyncio.Future[Any]:
    """What `commit` gives where it is known at once what the batch resulted in, or why it failed."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    give: Callable[[Any], Any] | None = then if isinstance(result, list) else otherwise
    if give is not None:
        future.set_result(give(result))
    elif isinstance(result, list):
        future.set_result(result)
    else:
        future.set_exception(result)
    return future
