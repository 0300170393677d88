"""Waking the other nodes: a lossy datagram to each one's socket, after a commit that made work."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

WORK, CHANGES, NEWS = b"w", b"c", b"n"
"""What a datagram tells: messages are ready, the change log grew, or what stands behind this letter."""
_REFRESH_S = 1.0
_MAX_BYTES = 64 * 1024


class Notifier:
    """This node's socket and the addresses of the others, all in one folder."""

    def __init__(self, folder: Path, name: str, on_datagram: Callable[[bytes], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._path = folder / f"{name}.wake"
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._path))
        self._loop.add_reader(self._socket, self._receive)
        self._others: list[str] = []
        self._refreshed_s = float("-inf")

    def tell_others(self, datagram: bytes) -> None:
        """Send to every other node. A full or vanished socket is passed over, as is what is too long."""
        now_s = self._loop.time()
        if now_s - self._refreshed_s > _REFRESH_S:
            self._refreshed_s = now_s
            self._others = [str(path) for path in self._folder.glob("*.wake") if path.name != self._path.name]
        for address in self._others:
            try:
                self._socket.sendto(datagram, address)
            except ConnectionRefusedError:
                # Its node died without removing it.
                Path(address).unlink(missing_ok=True)
                self._refreshed_s = float("-inf")
            except (BlockingIOError, FileNotFoundError):
                continue
            except OSError as error:
                # A full queue of datagrams on macOS and the BSDs.
                if error.errno not in (errno.ENOBUFS, errno.EMSGSIZE):
                    raise

    def _receive(self) -> None:
        found: dict[bytes, None] = {}
        try:
            while datagram := self._socket.recv(_MAX_BYTES):
                found[datagram] = None
        except BlockingIOError:
            # A thousand wake-ups of one kind are one.
            for datagram in found:
                self._on_datagram(datagram)

    def close(self) -> None:
        if self._socket.fileno() == -1:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return
