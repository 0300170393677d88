"""The settings as one frozen, typed value. Names carry their units."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["development", "production"]
LogLevel = Literal["debug", "info", "warning", "error"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorkbenchSettings(_Frozen):
    """The console, `dev` only unless asked for."""

    enabled: bool = True
    port: int = Field(3000, ge=0, le=65535)
    password: str | None = Field(None, min_length=12, repr=False)
    """Opens the console; None = a token made at each start. A host that others reach needs one."""
    allowed_hosts: tuple[str, ...] = ()
    """Names under which the console is reached, besides localhost, addresses and `host`."""
    plugins: tuple[str, ...] = ()
    """Tabs of your own: folders of the project with a `plugin.py`, or importable modules."""
    read_only: bool = False
    """The console shows, and changes nothing."""
    latency_ms: float = Field(500.0, gt=0)
    """An end-to-end time above it is shown as too slow."""
    error_rate: float = Field(0.01, ge=0, le=1)
    """A share of failures above it is shown as too many."""


class DatabaseSettings(_Frozen):
    """Where messages, state and schedules are kept."""

    url: str = "sqlite"
    """`sqlite` (a file under `data_dir`), `sqlite:///path/to/file.db`, or `memory`."""


class LimitSettings(_Frozen):
    """Bounds on everything that comes from outside."""

    body_bytes: int = Field(10 * 1024 * 1024, gt=0)
    header_bytes: int = Field(64 * 1024, gt=0)
    message_bytes: int = Field(1024 * 1024, gt=0)
    header_read_s: float = Field(10.0, gt=0)
    body_read_s: float = Field(60.0, gt=0)
    keep_alive_s: float = Field(75.0, gt=0)
    sse_keep_alive_s: float = Field(15.0, gt=0)
    """Silence after which a comment keeps a stream of server-sent events open through proxies."""
    connections: int = Field(10_000, gt=0)
    min_free_disk_bytes: int = Field(64 * 1024 * 1024, ge=0)
    """Below this much free space requests get 503; work already accepted goes on."""


class QueueSettings(_Frozen):
    """How a node takes and runs messages."""

    concurrency: int = Field(100, gt=0)
    """Executions at once in a node."""
    claim_ahead: int = Field(1000, gt=0)
    """Messages a node holds that have not started."""
    claim_ahead_bytes: int = Field(16 * 1024 * 1024, gt=0)
    max_crashes: int = Field(3, gt=0)
    """Times a message may take its process down before it is dead-lettered."""
    max_hops: int = Field(100, gt=0)
    dead_letter_days: float = Field(30.0, gt=0)
    orphan_days: float = Field(7.0, gt=0)
    """How long messages of a step that is gone are kept for it before they are dead-lettered."""
    handler_timeout_s: float = Field(900.0, gt=0)
    cancel_grace_s: float = Field(5.0, gt=0)
    threads: int = Field(40, gt=0)
    """Pool for `def` handlers, and another as large for what durable steps do in plain functions."""
    processes: int = Field(0, ge=0, le=256)
    """Most processes for steps with `execution="process"` in a node; 0 = one for each processor."""


class WorkflowSettings(_Frozen):
    """Runs of durable handlers."""

    keep_days: float = Field(7.0, gt=0)
    """How long a run and its journal stay after its end."""
    approval_key: str | None = Field(None, min_length=32, repr=False)
    """Signs the links of approvals, the same on every machine; None = a key made in the data folder."""


class WorkerSettings(_Frozen):
    """The processes that run steps of other languages."""

    processes: int = Field(1, ge=1, le=64)
    """Of each language."""
    frame_bytes: int = Field(1024 * 1024, ge=1024)
    """Longest line of the protocol; longer messages go in parts."""
    message_bytes: int = Field(32 * 1024 * 1024, ge=1024)
    """Longest input or result of a step in another language."""
    heartbeat_s: float = Field(0.5, gt=0)
    load_s: float = Field(120.0, gt=0)
    """How long a worker may take to load its steps."""


class StreamSettings(_Frozen):
    """Realtime streams: who is connected, and what is kept for those who come back."""

    closed: bool = False
    """Nobody may follow streams, unless `stream_auth` of the project says who. Set where a configuration
    names an authentication that cannot be asked here."""
    connections: int = Field(10_000, gt=0)
    """Sockets and event streams at once in a node."""
    subscriptions: int = Field(10_000, gt=0)
    """Of one connection."""
    frame_bytes: int = Field(1024 * 1024, gt=0)
    """Largest message of a client."""
    buffer_bytes: int = Field(1024 * 1024, gt=0)
    """Kept for a client that reads slowly; past it, it is told nothing more until it has read."""
    patience_s: float = Field(30.0, gt=0)
    """A client that reads nothing for this long is cut off."""
    auth_timeout_s: float = Field(5.0, gt=0)
    """`streamAuth`, `canAccess` and `onJoin` refuse when they take longer."""
    recheck_s: float = Field(0.75, gt=0)
    """How often `streamAuth`, roles and `canAccess` are asked again, so that withdrawn rights end."""
    keep_changes_s: float = Field(600.0, gt=0)
    """Who comes back within this time gets what it missed; later, everything."""
    keep_changes: int = Field(100_000, gt=0)
    """The same, by number."""


class CorsSettings(_Frozen):
    """Browsers of other origins; off unless origins are named. In dev every loopback origin is allowed."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
    headers: tuple[str, ...] = ("*",)
    credentials: bool = False
    max_age_s: int = 600


class LogSettings(_Frozen):
    """What is printed."""

    level: LogLevel | None = None
    """None = debug in development, info in production."""
    json_lines: bool | None = None
    """None = readable in development, JSON in production."""


class TracingSettings(_Frozen):
    """What is recorded of executions."""

    enabled: bool = True
    max_bytes: int = Field(256 * 1024 * 1024, gt=0)
    payload_bytes: int = Field(8 * 1024, ge=0)
    """Largest input, output or log data kept of one record."""
    detail: Literal["full", "lean"] | None = None
    """full = inputs, outputs and calls of every run; lean = inputs of failed runs. None = full in
    development, lean in production."""
    redact: tuple[str, ...] = ()
    """More key names whose values are never recorded."""
    otlp_endpoint: str | None = None
    """Send traces, logs and counts to this collector too, `http://host:4318`. Needs the extra `otlp`."""
    prometheus: bool = False
    """Answer `/metrics` on the API's port. It names steps and topics, and asks for no password."""
    trust_traceparent: bool = False
    """An inbound `traceparent` becomes the parent; otherwise it is one header of the
    request and no more."""


class Settings(_Frozen):
    """All settings of one project."""

    mode: Mode = "development"
    project_dir: Path = Path()
    data_dir: Path = Path(".motia")
    """Relative to the project."""
    host: str = "127.0.0.1"
    port: int = Field(3001, ge=0, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://[^/?#]+(/[^?#]*)?$")
    """Where people reach the API, for links that are sent to them; None = `http://host:port`."""
    nodes: int = Field(1, ge=1, le=64)
    strict: bool = False
    """Refuse to start when any step is broken."""
    timezone: str = "UTC"
    """For cron expressions that name none."""
    drain_s: float = Field(20.0, ge=0)
    web_dir: Path = Path("web")
    """Pages served where no route matches, if it holds an `index.html`. Relative to the project."""
    workbench: WorkbenchSettings = WorkbenchSettings()
    database: DatabaseSettings = DatabaseSettings()
    limits: LimitSettings = LimitSettings()
    queue: QueueSettings = QueueSettings()
    workers: WorkerSettings = WorkerSettings()
    workflow: WorkflowSettings = WorkflowSettings()
    streams: StreamSettings = StreamSettings()
    cors: CorsSettings = CorsSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
