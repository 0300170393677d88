"""What a supervisor tells whoever shows it to a person."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from motia.core.wording import tally
from motia.runtimes.worker.process import WorkerEvent
from motia.supervisor.stall import Place
from motia.workbench.guard import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Requests are answered here from now on. Told once, before the first `NodeServing`."""

    host: str
    port: int
    workbench_port: int | None
    workbench_token: str | None = None
    """Opens the console; None where a password of the operator's does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeServing:
    """A node answers requests, its predecessor accepts none any more. `banner` is the application's."""

    slot: int
    pid: int
    took_s: float
    first: bool
    """No node of this slot has served before."""
    banner: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed:
    """The project could not be loaded at all. `error`: type, message, and code or traceback."""

    slot: int
    pid: int
    error: Mapping[str, Any]
    old_serves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStalled:
    """A node's event loop stands still, or stood for so long that the node was killed."""

    slot: int
    pid: int
    silent_s: float
    killed: bool
    place: Place | None
    running: Sequence[str] = ()
    loading: bool = False
    """It has not served yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDied:
    """A node exited without being told to; `retry_s` until another starts, None if none will by itself.

    `slot` None: it was the spare. `loading`: it had not served; without `retry_s` its predecessor still does.
    """

    slot: int | None
    pid: int
    exit_code: int
    retry_s: float | None
    place: Place | None
    running: Sequence[str] = ()
    loading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLeft:
    """A node drained and exited; `cut`: it had to be killed, or requests were cut."""

    slot: int | None
    pid: int
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWorn:
    """A node asked to be replaced."""

    slot: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloading:
    """A reload begins; `changed` are paths relative to the project, empty if asked for otherwise."""

    changed: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """A reload is over: every slot serves the new code, or (`ok` False) goes on with the old."""

    ok: bool
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsKept:
    """Changed settings were not taken over, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedByPolling:
    """The kernel does not tell of changed files, and why: they are looked at again and again instead."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """All nodes drain (`now` False) or are killed."""

    now: bool


Event = (
    Listening
    | NodeServing
    | LoadFailed
    | NodeStalled
    | NodeDied
    | NodeLeft
    | NodeWorn
    | Reloading
    | Reloaded
    | SettingsKept
    | WatchedByPolling
    | Stopping
    | WorkerEvent
)


def describe(event: Event) -> list[str]:
    """Plain lines for a terminal; none for what only programs care about."""
    match event:
        case WorkerEvent(what="output"):
            return [f"[{event.worker}] {event.text}"]
        case WorkerEvent(what="started"):
            return []
        case WorkerEvent():
            return [f"the {event.worker} worker (pid {event.pid}): {event.text}"]
        case Listening():
            lines = [f"API        http://{event.host}:{event.port}"]
            if event.workbench_port is not None:
                token = f"/#token={event.workbench_token}" if event.workbench_token else ""
                lines.append(f"Workbench  http://{event.host}:{event.workbench_port}{token}")
                if not is_loopback(event.host):
                    lines.append(
                        "note: other machines reach this host, and with the link above the Workbench"
                    )
            return lines
        case NodeServing(slot=0):
            shown = ("lines", "problems", "notices") if event.first else ("problems",)
            return [str(line) for key in shown for line in event.banner.get(key, ())]
        case LoadFailed():
            after = "; the code from before goes on serving" if event.old_serves else ""
            text = event.error.get("traceback") or f"{event.error.get('message')}\n"
            what = "a node does not start" if event.error.get("operator") else "the project does not load"
            return [f"{what}{after}:", *text.rstrip("\n").split("\n")]
        case NodeStalled():
            return _stall_lines(event)
        case NodeDied():
            if event.slot is None:
                return [f"the spare node (pid {event.pid}) died: {_exit(event.exit_code)}"]
            when = f"in {event.retry_s:.1f} s" if event.retry_s else "now"
            then = f"; the next starts {when}"
            if event.retry_s is None:
                then = "; the code from before goes on serving" if event.loading else ""
            return [
                f"node {event.slot} (pid {event.pid}) died{' as it loaded the project' * event.loading}:"
                f" {_exit(event.exit_code)}{_at(event.place, event.running)}{then}"
            ]
        case NodeLeft(cut=True):
            return [f"node {event.slot} (pid {event.pid}) did not finish in time: its last requests were cut"]
        case NodeWorn():
            return [f"node {event.slot} (pid {event.pid}) is replaced: {event.reason}"]
        case Reloaded(ok=True):
            return [f"reloaded in {event.took_s * 1000:.0f} ms"]
        case SettingsKept():
            return [event.reason]
        case WatchedByPolling():
            return [
                f"files are watched by polling: {event.reason}",
                "  hint: raise fs.inotify.max_user_instances and fs.inotify.max_user_watches with sysctl",
            ]
        case Stopping():
            return ["stopping now" if event.now else "finishing what runs; press Ctrl-C again to stop now"]
        case _:
            return []


def _stall_lines(event: NodeStalled) -> list[str]:
    node, at = f"node {event.slot} (pid {event.pid})", _at(event.place, event.running)
    if event.loading:
        then = ": it makes room for newer code" if event.killed else ""
        return [f"{node} is still loading the project after {event.silent_s:.1f} s{at}{then}"]
    what = "was killed, it" if event.killed else "does not respond, it"
    lines = [f"{node} {what} has stood still for {event.silent_s:.1f} s{at}"]
    if event.place is not None:
        lines.append("  hint: an `async def` must not block: write it as `def`, or await what takes time")
    return lines


def _at(place: Place | None, running: Sequence[str]) -> str:
    names = f" (running: {tally(running)})" if running else ""
    return f" at {place}{names}" if place else names


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
