"""Opens the sockets that nodes accept from."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from motia.errors import SettingsError
from motia.settings import Settings

CONTROL_SOCKET = "control.sock"
_DYING_S = 2.0
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Listeners:
    """The bound sockets of a project by name: `api`, `workbench` (where wanted) and `control`, a list each.

    A list has one socket for each slot, or one that all slots share.
    """

    by_name: dict[str, list[socket.socket]]

    def of_slot(self, number: int) -> dict[str, int]:
        """The descriptors that the node of a slot accepts from, by name."""
        return {name: sockets[number % len(sockets)].fileno() for name, sockets in self.by_name.items()}

    def port(self, name: str) -> int | None:
        """The TCP port of a listener; None if there is no such listener."""
        if name not in self.by_name:
            return None
        port: int = self.by_name[name][0].getsockname()[1]
        return port

    def as_opened(self, settings: Settings) -> Settings:
        """The settings with the port that is listened on, which they may have left to the system."""
        return settings.model_copy(update={"port": self.port("api")})

    def close(self) -> None:
        for sockets in self.by_name.values():
            for listener in sockets:
                listener.close()


def open_project(
    settings: Settings,
    runtime_dir: Path,
    *,
    after_kill: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Listeners:
    """Everything a project listens on. *Failure*: `SettingsError`, as `open_listeners`; nothing stays open.

    The caller holds the project's lock: a control socket that is there is left over and replaced. With
    `after_kill` the ports may be held, for a moment, by nodes that die with a killed supervisor: it waits up
    to two seconds for them.
    """
    tries = 1 + round(_DYING_S / _LOOK_AGAIN_S) if after_kill else 1
    while True:
        tries -= 1
        try:
            return _open_all(settings, runtime_dir)
        except SettingsError as error:
            cause = error.__cause__
            if not tries or not isinstance(cause, OSError) or cause.errno != errno.EADDRINUSE:
                raise
        sleep(_LOOK_AGAIN_S)


def _open_all(settings: Settings, runtime_dir: Path) -> Listeners:
    wanted = {"api": (settings.port, "--port")}
    if settings.workbench.enabled:
        wanted["workbench"] = (settings.workbench.port, "--workbench-port")
    listeners = Listeners({})
    try:
        for name, (port, option) in wanted.items():
            listeners.by_name[name] = open_listeners(settings.host, port, settings.nodes, option=option)
        listeners.by_name["control"] = [_open_control(runtime_dir / CONTROL_SOCKET)]
    except SettingsError:
        listeners.close()
        raise
    return listeners


def _open_control(path: Path) -> socket.socket:
    """A Unix socket of this user's alone: its directory lets nobody else in while it gets its mode."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        os.chmod(path, 0o600)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"control socket {path}: expected to open it, got {error.strerror or error}",
            code="settings.runtime_dir",
            hint="set XDG_RUNTIME_DIR to a directory of yours with a short path",
        ) from error
    return listener


def open_listeners(host: str, port: int, count: int, *, option: str = "--port") -> list[socket.socket]:
    """Bound sockets, one for each of `count` slots or one for all, on one port; `port` 0 picks a free one.

    On Linux each slot has a socket of its own (`SO_REUSEPORT`), so that the kernel spreads connections;
    elsewhere they share one. They start to listen when the first node takes them.
    *Failure*: `SettingsError` (`settings.port` or `settings.host`) in one line.
    """
    spread = sys.platform == "linux" and count > 1
    count = count if spread else 1
    listeners: list[socket.socket] = []
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # SO_REUSEPORT would let us share a port with another program of this user: ask without it first.
        with _bind(family, address, reuse_port=False) as probe:
            address = (address[0], probe.getsockname()[1], *address[2:])
            if not spread:
                listeners.append(probe.dup())
        while len(listeners) < count:
            listeners.append(_bind(family, address, reuse_port=True))
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise _explain(error, host, port, option) from error
    return listeners


def _bind(family: int, address: tuple[object, ...], *, reuse_port: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int, option: str) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return SettingsError(
            f"port {port} on {host}: expected a free port, got one that another program uses",
            code="settings.port",
            details={"port": port},
            hint=f"stop that program, or choose another port with {option}",
        )
    if error.errno == errno.EACCES:
        return SettingsError(
            f"port {port} on {host}: expected a port this user may open, got a privileged one",
            code="settings.port",
            details={"port": port},
            hint=f"choose a port above 1023 with {option}",
        )
    return SettingsError(
        f"host {host!r}: expected an address of this machine, got {error.strerror or error}",
        code="settings.host",
        hint="use 127.0.0.1, 0.0.0.0 or an address of this machine with --host",
    )
