"""The one way anything is written: a batch of guards and operations, applied together or not at all.

Every operation is imported from here; what each does stands in `core/operations/`, and how a backend runs it
in `docs/reference/backends.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motia.core.operations.cron import Fire
from motia.core.operations.interventions import (
    CancelMessages,
    DeadLetterHeld,
    Ended,
    ExpireMessages,
    MoveMessages,
    PauseQueues,
    PurgeDead,
    Redrive,
    ResumeQueues,
)
from motia.core.operations.nodes import CancellationsSeen, RecoverNode, RegisterNode
from motia.core.operations.queue import (
    ClaimHeld,
    ClaimReady,
    Completed,
    CountBulk,
    Died,
    Duplicate,
    Enqueue,
    PromoteDue,
    Replaced,
    Rescheduled,
    Settle,
    Settlement,
    Suspended,
    Unclaim,
    WantedQueue,
)
from motia.core.operations.requests import BeginRequest, EndRequest, RecordedResponse
from motia.core.operations.state import (
    ChangeDelivery,
    ChangeKind,
    StateClear,
    StateDelete,
    StatePut,
    StateResult,
    StateUpdate,
    StateVersion,
    WatchState,
)
from motia.core.operations.streams import (
    StreamDelete,
    StreamPut,
    StreamResult,
    StreamSend,
    StreamUpdate,
    StreamVersion,
    StreamWriteOperation,
    TrimChanges,
)
from motia.core.operations.workflow import (
    GiveUpWait,
    JournalPut,
    Post,
    PruneRuns,
    RegisterMail,
    RetryRun,
    RunBegin,
    RunEnd,
    WaitFor,
)


@dataclass(slots=True)
class Expire:
    """Delete what has expired: state, keys of duplicates, recorded responses, bulks. Result: number."""

    now_ms: int
    limit: int = 1000


Guard = ClaimHeld | StateVersion | StreamVersion | DeadLetterHeld

Operation = (
    Enqueue
    | CountBulk
    | Settle
    | StatePut
    | StateDelete
    | StateUpdate
    | StateClear
    | WatchState
    | StreamPut
    | StreamDelete
    | StreamUpdate
    | StreamSend
    | TrimChanges
    | Fire
    | ClaimReady
    | Unclaim
    | PromoteDue
    | RegisterNode
    | RecoverNode
    | Redrive
    | PurgeDead
    | CancelMessages
    | ExpireMessages
    | CancellationsSeen
    | MoveMessages
    | PauseQueues
    | ResumeQueues
    | BeginRequest
    | EndRequest
    | Expire
    | RunBegin
    | JournalPut
    | RunEnd
    | WaitFor
    | GiveUpWait
    | RetryRun
    | RegisterMail
    | Post
    | PruneRuns
)


@dataclass(slots=True)
class Batch:
    """Guards and operations that are applied together, in order, or not at all."""

    operations: Sequence[Operation]
    guards: Sequence[Guard] = field(default=())


__all__ = [
    "Batch",
    "BeginRequest",
    "CancelMessages",
    "CancellationsSeen",
    "ChangeDelivery",
    "ChangeKind",
    "ClaimHeld",
    "ClaimReady",
    "Completed",
    "CountBulk",
    "DeadLetterHeld",
    "Died",
    "Duplicate",
    "EndRequest",
    "Ended",
    "Enqueue",
    "Expire",
    "ExpireMessages",
    "Fire",
    "GiveUpWait",
    "Guard",
    "JournalPut",
    "MoveMessages",
    "Operation",
    "PauseQueues",
    "Post",
    "PromoteDue",
    "PruneRuns",
    "PurgeDead",
    "RecordedResponse",
    "RecoverNode",
    "Redrive",
    "RegisterMail",
    "RegisterNode",
    "Replaced",
    "Rescheduled",
    "ResumeQueues",
    "RetryRun",
    "RunBegin",
    "RunEnd",
    "Settle",
    "Settlement",
    "StateClear",
    "StateDelete",
    "StatePut",
    "StateResult",
    "StateUpdate",
    "StateVersion",
    "StreamDelete",
    "StreamPut",
    "StreamResult",
    "StreamSend",
    "StreamUpdate",
    "StreamVersion",
    "StreamWriteOperation",
    "Suspended",
    "TrimChanges",
    "Unclaim",
    "WaitFor",
    "WantedQueue",
    "WatchState",
]
