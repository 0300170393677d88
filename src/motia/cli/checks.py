"""What `motia doctor` looks at. Each check is a function from facts to findings."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from motia.backends.sqlite.long_log import LONG_BYTES, how_to_end, long_log
from motia.core.message import QueueDepth, QueueName
from motia.core.wording import counted
from motia.engine.dry_check import DryCheck
from motia.errors import MotiaError

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Literal["ok", "warning", "error"]
    check: str
    message: str
    fix: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What a program wants to know of it, by name."""


def check_python(version: tuple[int, ...], platform: str) -> list[Finding]:
    """The interpreter and the system."""
    text = ".".join(map(str, version[:3]))
    if version[:2] < _OLDEST_PYTHON:
        return [Finding("error", "python", f"expected 3.11 or newer, got {text}", "install a newer Python")]
    if platform == "win32":
        return [Finding("error", "python", "expected Linux or macOS, got Windows", "use WSL")]
    return [Finding("ok", "python", text)]


def check_file_system(kind: str, path: Path) -> list[Finding]:
    """The file system under the data directory: file locks must work there."""
    if kind in NETWORK_FILE_SYSTEMS:
        return [
            Finding(
                "error",
                "file system",
                f"{path}: expected a local disk, got {kind}",
                "set data_dir to a directory on a local disk",
            )
        ]
    return [Finding("ok", "file system", f"{path}: {kind}")]


def check_disk(free_bytes: int, floor_bytes: int, path: Path) -> list[Finding]:
    """Free space: below the floor a node answers 503."""
    mebibytes = free_bytes // 2**20
    if free_bytes < floor_bytes:
        return [
            Finding(
                "error",
                "disk",
                f"{path}: expected {floor_bytes // 2**20} MiB free, got {mebibytes} MiB",
                "free some space; until then requests get 503",
            )
        ]
    if free_bytes < 4 * floor_bytes:
        return [Finding("warning", "disk", f"{path}: {mebibytes} MiB free", "free some space soon")]
    return [Finding("ok", "disk", f"{path}: {mebibytes} MiB free")]


def check_logs(sizes_bytes: Mapping[Path, int]) -> list[Finding]:
    """Write-ahead logs by their database: a long one is held by who reads it."""
    return [
        Finding("warning", "log", long_log(database, size_bytes), how_to_end(database))
        for database, size_bytes in sizes_bytes.items()
        if size_bytes >= LONG_BYTES
    ]


def check_port(name: str, host: str, port: int, *, flag: str, running: bool) -> list[Finding]:
    """Whether `port` can be listened on; not asked while the project runs, on this or on another one."""
    if running:
        return [Finding("ok", name, "not looked at, for this project is running")]
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"{host}:{port}: expected a free port, got one in use"
            return [Finding("error", name, message, f"stop what uses it or choose another one with {flag}")]
        message = f"{host}:{port}: expected an address of this machine, got: {error.strerror or error}"
        return [Finding("error", name, message, "choose another address with --host, or a port above 1023")]
    return [Finding("ok", name, f"{host}:{port}: free")]


def check_steps(count: int, problems: Iterable[Any], notices: Iterable[Any]) -> list[Finding]:
    """Everything discovery says, topics that nobody defines included."""
    findings = [
        Finding("error", "steps", f"{problem.path}:{problem.line}: {problem.message}", problem.hint or "")
        for problem in problems
    ]
    findings += [
        Finding("warning", "steps", f"{notice.path}:{notice.line}: {notice.message}", notice.hint or "")
        for notice in notices
    ]
    if not findings and count == 0:
        return [
            Finding("warning", "steps", "no steps found", "put one into steps/, named like hello_step.py")
        ]
    return findings or [Finding("ok", "steps", f"{count} found")]


def check_queues(depths: Sequence[QueueDepth], known: frozenset[QueueName]) -> list[Finding]:
    """Messages whose step is gone, and dead letters."""
    findings = []
    for depth in depths:
        waiting = depth.ready + depth.scheduled + depth.blocked + depth.limited + depth.claimed
        name = f"{depth.queue.topic or '(direct)'} → {depth.queue.step}"
        if waiting and depth.queue not in known:
            findings.append(
                Finding(
                    "warning",
                    "queues",
                    f"{name}: {waiting} orphaned, no such step any more",
                    "bring the step or its old name back; once older than queue.orphan_days they become dead"
                    " letters (step.removed) while the project runs",
                )
            )
        if depth.dead:
            fix = f"motia queue dead --step {depth.queue.step}, then redrive or purge them"
            findings.append(
                Finding("warning", "queues", f"{name}: {counted(depth.dead, 'dead letter')}", fix)
            )
    return findings or [Finding("ok", "queues", f"{len(depths)} in use")]


_FIX_OF_MISFIT = {
    "step.removed": "bring the step or its old name back, or cancel them: motia runs cancel ID",
    "workflow.changed": "they would be held: bring the call back under its old name, kind and version, or let"
    " them end before you deploy",
    "input.invalid": "they would become dead letters: let the schema take them, or let them end first",
}


def check_under_way(found: DryCheck) -> list[Finding]:
    """Runs and messages that do not fit the code on disk."""
    findings = []
    for misfit in found.misfits:
        what = counted(misfit.count, "message" if misfit.code == "input.invalid" else "run")
        name = f"{misfit.name!r} " if misfit.name else ""
        where = f" in {misfit.where}" if misfit.where else ""
        message = (
            f"{what} of {misfit.step}, the first {misfit.example}: {name}{misfit.old} → {misfit.new}{where}"
        )
        details = asdict(misfit)
        findings.append(Finding("error", "under way", message, _FIX_OF_MISFIT[misfit.code], details))
    return findings or [
        Finding(
            "ok", "under way", f"{counted(found.runs, 'run')}, {counted(found.messages, 'message')}: all fit"
        )
    ]


def check_nodes(dead: Sequence[tuple[int, int]], living: int) -> list[Finding]:
    """Nodes that ended and were not recovered yet: process id, and how many messages it still holds. One that
    ended well holds none; the next node removes what is left of it."""
    findings = [
        Finding(
            "warning",
            "nodes",
            f"process {pid} is gone and still holds {counted(held, 'message')}",
            "start the project: a node takes them back",
        )
        for pid, held in dead
        if held
    ]
    return findings or [Finding("ok", "nodes", f"{living} running")]


def check_settings(notices: Sequence[str]) -> list[Finding]:
    """What the settings' sources hold that is not used."""
    return [Finding("warning", "settings", notice) for notice in notices] or [
        Finding("ok", "settings", "all understood")
    ]


def failure(check: str, error: MotiaError) -> Finding:
    """A check that could not be made because of `error`."""
    return Finding("error", check, error.message, error.hint or "")
