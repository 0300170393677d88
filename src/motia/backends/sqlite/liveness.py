"""Which nodes live, without clocks: each holds an exclusive lock on a file of its own.

Whoever can take the lock knows that the holder is dead, at once, whatever its clock, its GIL or a SIGSTOP
did. The file also lists what the node is running at this moment, through a memory map: it survives the
process, so the survivors can tell the messages that were executing from those merely held.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from motia.backends.liveness import Crashed, Running
from motia.backends.sqlite.lock_file import LockFile
from motia.core.message import Claim, NodeId, TraceContext
from motia.errors import BackendError

_SLOT = struct.Struct("<q16s32s16s16sqI92s")
"""seq (0 = no message), message id, trace id, span id, parent's span id, start in epoch ms, attempt, name of
the step."""
_EMPTY = bytes(_SLOT.size)
_OTHERS = 64
"""Slots for what runs beside messages; of more than that, the rest is not shown to other nodes."""


class Liveness:
    """This node's file. `started` and `ended` cost a fraction of a microsecond."""

    def __init__(self, folder: Path, node: NodeId, *, slots: int) -> None:
        """Failure: `BackendError` where the file cannot be made."""
        self.path = folder / f"{node.hex()}.lock"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = LockFile(self.path, "w+b")
            try:
                _fill(self._lock.file.fileno(), (slots + _OTHERS) * _SLOT.size)
            except OSError:
                self._lock.close()
                self.path.unlink()
                raise
        except OSError as error:
            raise _failure(error, self.path) from error
        # Opened again: a map keeps its file open, in forked children too; it must not be the locked one.
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), (slots + _OTHERS) * _SLOT.size)
        self._others_at = slots * _SLOT.size
        self._others = 0
        self._free = list(range(slots))
        self._slot_of: dict[int, int] = {}

    def started(self, claim: Claim, trace: TraceContext, started_ms: int) -> None:
        """Note that the message is being executed now. Past the last slot nothing is noted: the message
        is then taken for one that had not begun."""
        if self._free:
            slot = self._free.pop()
            self._slot_of[claim.seq] = slot
            _SLOT.pack_into(
                self._map,
                slot * _SLOT.size,
                claim.seq,
                claim.id,
                trace.trace_id.encode(),
                trace.span_id.encode(),
                claim.trace.span_id.encode(),
                started_ms,
                claim.attempt,
                claim.queue.step.encode()[:92],
            )

    def ended(self, claim: Claim) -> None:
        slot = self._slot_of.pop(claim.seq, None)
        if slot is not None:
            start = slot * _SLOT.size
            self._map[start : start + _SLOT.size] = _EMPTY
            self._free.append(slot)

    def other_work(self, running: Sequence[Running]) -> None:
        if not running and not self._others:
            return
        slots = [
            _SLOT.pack(
                0,
                bytes(16),
                one.trace.trace_id.encode(),
                one.trace.span_id.encode(),
                b"",
                one.started_ms,
                one.attempt,
                one.step.encode()[:92],
            )
            for one in running[:_OTHERS]
        ]
        written = b"".join(slots) + _EMPTY * (self._others - len(slots))
        self._map[self._others_at : self._others_at + len(written)] = written
        self._others = len(slots)

    def elsewhere(self) -> Sequence[Running]:
        others = [path for path in self.path.parent.glob("*.lock") if path != self.path]
        # The messages of a bundle have a slot each, and one execution.
        return list({one.trace.span_id: one for path in others for one in _running_in(path)}.values())

    def find_dead(self, lock_path: str) -> tuple[bool, Sequence[Crashed] | None]:
        return running_of_dead(Path(lock_path))

    def forget(self, lock_path: str) -> None:
        forget(Path(lock_path))

    def close(self) -> None:
        """Let go of the lock; the file goes too, so that nobody takes this node for one that crashed."""
        if self._map.closed:
            return
        self.path.unlink(missing_ok=True)
        self._map.close()
        self._lock.close()


def _fill(descriptor: int, count_bytes: int) -> None:
    """Not a truncation to that size: where the map had no page yet, a full disk would kill the process."""
    if os.write(descriptor, bytes(count_bytes)) < count_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _failure(error: OSError, path: Path) -> BackendError:
    if error.errno == errno.ENOSPC:
        return BackendError(
            f"{path}: the disk is full", code="backend.full", hint="free some space", retryable=True
        )
    return BackendError(
        f"{path}: cannot be made ({error.strerror})",
        code="backend.unavailable",
        hint="set data_dir to a folder that can be written",
    )


def running_of_dead(path: Path) -> tuple[bool, Sequence[Crashed] | None]:
    """Whether the holder of the lock file is dead, and what it was running.

    A file that is gone belongs to a node that ended: it is dead and what it ran is unknown (None).
    """
    try:
        handle = open(path, "r+b")  # noqa: SIM115 - closed below, in every case
    except FileNotFoundError:
        return True, None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return False, None
    with handle:
        data = handle.read()
    return True, [
        Crashed(
            seq,
            message_id,
            TraceContext(_text(trace_id), _text(span_id), 0),
            _text(parent_id),
            started_ms,
            _text(step),
            attempt,
        )
        for seq, message_id, trace_id, span_id, parent_id, started_ms, attempt, step in _SLOT.iter_unpack(
            data[: len(data) - len(data) % _SLOT.size]
        )
        if seq
    ]


def _running_in(path: Path) -> list[Running]:
    """What stands in the file of a node that lives."""
    try:
        # It is written meanwhile: at worst one slot is half of one execution and half of another.
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return [
        Running(
            _text(step),
            TraceContext(_text(trace_id), _text(span_id), 0),
            started_ms,
            attempt,
            of_message=bool(seq),
        )
        for seq, _, trace_id, span_id, _, started_ms, attempt, step in _SLOT.iter_unpack(
            data[: len(data) - len(data) % _SLOT.size]
        )
        if started_ms
    ]


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")


def forget(path: Path) -> None:
    """Remove the file of a node that was recovered."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
