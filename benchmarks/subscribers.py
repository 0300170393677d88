"""Many WebSocket clients in one process, which count bytes rather than parse, so as never to be the limit.

`subscribers.py fanout PORT COUNT WRITES [bare]` prints messages per second, `latency PORT WRITES` the
milliseconds between a set and its frame; `idle PORT COUNT [GROUPS]` keeps sockets open until its input ends.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import statistics
import sys
import time
from typing import Any

_TIMEOUT_S = 60.0


def connect(port: int) -> socket.socket:
    """An open WebSocket, by hand: a library would cost more than what is measured."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    if b" 101 " not in head:
        raise RuntimeError(head.decode())
    return connection


def send_text(connection: socket.socket, text: str) -> None:
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    connection.sendall(b"\x81" + size + bytes(4) + payload)


def read_frame(connection: socket.socket) -> bytes:
    """The next message. A server that pings a quiet client gets no answer in a run as short as these."""
    head = _exactly(connection, 2)
    size = head[1]
    if size == 126:
        size = int.from_bytes(_exactly(connection, 2), "big")
    elif size == 127:
        size = int.from_bytes(_exactly(connection, 8), "big")
    data = _exactly(connection, size)
    return read_frame(connection) if head[0] & 8 else data


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise RuntimeError("the server closed a connection")
        data += chunk
    return data


def join(connection: socket.socket, group: str) -> None:
    place = {"streamName": "feed", "groupId": group, "subscriptionId": "s"}
    send_text(connection, json.dumps({"type": "join", "data": place}))


def post(port: int, body: dict[str, Any]) -> socket.socket:
    """A request that is on its way; its answer is not waited for."""
    text = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    connection.sendall(
        b"POST /feed HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(text), text)
    )
    return connection


def fanout(port: int, count: int, writes: int, bare: bool) -> dict[str, float]:
    connections = [connect(port) for _ in range(count)]
    if not bare:
        for connection in connections:
            join(connection, "all")
    for connection in connections:
        read_frame(connection)
    # One write first: how long a frame is, and every subscriber live.
    _write(port, connections, 1, bare)
    frame_bytes = 0
    for connection in connections:
        frame_bytes = len(read_frame(connection)) + 4
    poll = select.epoll()
    by_fd = {connection.fileno(): connection for connection in connections}
    for fd, connection in by_fd.items():
        connection.setblocking(False)
        poll.register(fd, select.EPOLLIN)
    buffer = bytearray(1 << 18)
    wanted = frame_bytes * count * writes
    started_s = time.perf_counter()
    request = _write(port, connections, writes, bare)
    received = 0
    while received < wanted:
        events = poll.poll(_TIMEOUT_S)
        if not events:
            raise RuntimeError(f"received {received} of {wanted} bytes")
        for fd, _ in events:
            received += by_fd[fd].recv_into(buffer)
    elapsed_s = time.perf_counter() - started_s
    del request
    return {"messages_per_s": count * writes / elapsed_s, "frame_bytes": frame_bytes}


def _write(port: int, connections: list[socket.socket], writes: int, bare: bool) -> socket.socket:
    if bare:
        send_text(connections[0], str(writes))
        return connections[0]
    return post(port, {"count": writes})


def latency(port: int, writes: int) -> dict[str, float]:
    connection = connect(port)
    join(connection, "slow")
    read_frame(connection)
    found = []
    for _ in range(writes):
        request = post(port, {"count": 1, "group": "slow"})
        item = json.loads(read_frame(connection))["event"]["data"]
        found.append((time.time_ns() - item["sent_ns"]) / 1e6)
        request.close()
        time.sleep(0.02)  # the load that is meant: fifty writes a second
    return {"p50_ms": statistics.median(found), "p99_ms": sorted(found)[int(len(found) * 0.99)]}


def idle(port: int, count: int, groups: int) -> None:
    connections = [connect(port) for _ in range(count)]
    for number in range(max(count, groups)):
        join(connections[number % count], f"idle-{number % groups}" if groups else "idle")
    for number in range(max(count, groups)):
        read_frame(connections[number % count])
    print("ready", flush=True)
    sys.stdin.readline()


def main(arguments: list[str]) -> None:
    kind, port, *rest = arguments
    if kind == "fanout":
        print(json.dumps(fanout(int(port), int(rest[0]), int(rest[1]), "bare" in rest)))
    elif kind == "latency":
        print(json.dumps(latency(int(port), int(rest[0]))))
    else:
        idle(int(port), int(rest[0]), int(rest[1]) if len(rest) > 1 else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
