"""The adapters that the settings choose. Nothing else names one."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from motia.backends.liveness import Liveness, OneNode
from motia.backends.protocol import Backend
from motia.core.clock import Clock, SystemClock, SystemEntropy
from motia.core.ids import Ids
from motia.settings import Settings
from motia.settings.data_dir import make_data_folder
from motia.settings.database import locate_database
from motia.settings.runtime_dir import runtime_dir
from motia.tracing.console import ConsolePrinter
from motia.tracing.store import RecordSink, TraceStore
from motia.workflow.approval_key import read_or_make_key
from motia.workflow.approvals import ApprovalLinks

if TYPE_CHECKING:
    from motia.backends.sqlite.long_log import LongLogs

_TRACE_FILE = "trace.db"
_IMPORTED_LATE = (
    "motia.backends.sqlite.backend",
    "motia.backends.sqlite.liveness",
    "motia.backends.sqlite.tracing",
    "motia.backends.sqlite.tracing_reads",
    "motia.workbench.api",
    "motia.workbench.console",
    "motia.workbench.workspace",
)


def preload() -> None:
    """Import the adapters that a start picks by the settings."""
    for name in _IMPORTED_LATE:
        import_module(name)


def open_backend(settings: Settings, *, node_id: bytes | None = None, wake_others: bool = False) -> Backend:
    """The backend the settings name, not opened yet.

    A command that only reads or edits data needs no node id of its own and wakes the nodes by the change.
    """
    location = locate_database(settings)
    node = node_id or Ids(SystemClock(), SystemEntropy()).message_id()
    if location.path is None:
        from motia.backends.memory.backend import MemoryBackend
        from motia.backends.memory.store import MemoryStore

        return MemoryBackend(MemoryStore(), node)
    from motia.backends.sqlite.backend import SqliteBackend

    sockets = runtime_dir(settings) / "wake" if wake_others else None
    return SqliteBackend(location.path, node, folder_for_sockets=sockets)


def node_storage(
    settings: Settings, node_id: bytes, at_end: Callable[[Callable[[], None]], object]
) -> tuple[Backend, Liveness, str]:
    """A node's backend, what shows that the node lives, and the path of its lock (empty without one).

    `at_end` takes what has to be called once the node is over.
    """
    location = locate_database(settings)
    if location.path is None:
        return open_backend(settings, node_id=node_id), OneNode(), ""
    from motia.backends.sqlite.liveness import Liveness as LockFile

    make_data_folder(location.path.parent)
    lock = LockFile(location.path.parent / "nodes", node_id, slots=settings.queue.concurrency + 8)
    at_end(lock.close)
    return open_backend(settings, node_id=node_id, wake_others=True), lock, str(lock.path)


def approval_links(settings: Settings, *, in_memory: bool = False) -> ApprovalLinks:
    """What makes and reads the links of approvals: with the key of the settings, else the one beside the
    database; what is kept `in_memory` has one that goes with it."""
    given = settings.workflow.approval_key
    folder = locate_database(settings).path
    if given is not None:
        key = given.encode()
    elif in_memory or folder is None:
        key = secrets.token_bytes(32)
    else:
        return ApprovalLinks(lambda: read_or_make_key(folder.parent), _base_url(settings))
    return ApprovalLinks(lambda: key, _base_url(settings))


def _base_url(settings: Settings) -> str:
    if settings.public_url is not None:
        return settings.public_url
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def trace_sinks(
    settings: Settings, clock: Clock, node_id: bytes, warn: Callable[[str], None]
) -> list[RecordSink]:
    """Where a node's records go. `warn` is told of what one of them could not keep."""
    development = settings.mode == "development"
    json_lines = settings.log.json_lines
    sinks: list[RecordSink] = [
        ConsolePrinter(
            sys.__stdout__ or sys.stdout,
            json_lines=not development if json_lines is None else json_lines,
            colour=development and sys.stdout.isatty() and "NO_COLOR" not in os.environ,
            level=settings.log.level or ("debug" if development else "info"),
        )
    ]
    if not settings.tracing.enabled:
        return sinks
    from motia.backends.sqlite.tracing import SqliteTraceSink

    path = _trace_path(settings)
    make_data_folder(path.parent)
    sinks.append(SqliteTraceSink(path, max_bytes=settings.tracing.max_bytes))
    if settings.tracing.otlp_endpoint is not None:
        from motia.tracing.otlp import OtlpSink

        name = os.environ.get("OTEL_SERVICE_NAME", settings.project_dir.name)
        sinks.append(
            OtlpSink(
                settings.tracing.otlp_endpoint,
                resource={"service.name": name, "service.instance.id": node_id.hex()},
                report=warn,
                now_s=clock.monotonic_s,
                now_ms=clock.now_ms,
            )
        )
    return sinks


def watch_logs(settings: Settings, clock: Clock, report: Callable[[str], None]) -> LongLogs:
    """What tells when the write-ahead log of one of the project's databases has become long."""
    from motia.backends.sqlite.long_log import LongLogs

    return LongLogs(database_files(settings), clock, report)


def database_files(settings: Settings) -> list[Path]:
    """The files that the settings name: of messages and state, and of traces."""
    location = locate_database(settings).path
    return ([] if location is None else [location]) + (
        [_trace_path(settings)] if settings.tracing.enabled else []
    )


def open_traces(settings: Settings) -> TraceStore:
    """Reads of traces, logs and counts, of all nodes on this machine."""
    from motia.backends.sqlite.tracing_reads import SqliteTraceStore

    return SqliteTraceStore(_trace_path(settings))


def _trace_path(settings: Settings) -> Path:
    return settings.project_dir / settings.data_dir / _TRACE_FILE
