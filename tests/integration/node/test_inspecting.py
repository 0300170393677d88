"""A debugger on a worker's port: it stops on lines of TypeScript, and the next worker has the port in its turn."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from node_worker import NodeWorker
from websockets.sync.client import ClientConnection, connect

_LIMIT_S = 40.0
STEP = """import type { Handlers } from 'motia'

export const config = { type: 'event', name: 'Stops', subscribes: ['stops'], emits: [] }
interface Order { total: number }

export const handler = async (input: Order) => {
  const doubled: number = input.total * 2
  return doubled
}
"""


class Debugger:
    """A client of the inspector's protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last_id = 0

    def ask(self, method: str, **params: Any) -> Any:
        self._last_id += 1
        self._connection.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while (message := self._next()).get("id") != self._last_id:
            pass
        return message["result"]

    def until(self, event: str) -> Any:
        while (message := self._next()).get("method") != event:
            pass
        return message["params"]

    def _next(self) -> Any:
        return json.loads(self._connection.recv(timeout=_LIMIT_S))


@contextmanager
def debugger(port: int, pid: int) -> Iterator[Debugger]:
    """Attached to the process, once it has the port."""
    end_s = time.monotonic() + _LIMIT_S
    while time.monotonic() < end_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_LIMIT_S) as answer:
                [target] = json.load(answer)
            connection = connect(target["webSocketDebuggerUrl"], max_size=None, ping_interval=None)
        except OSError:
            time.sleep(0.05)  # nobody has the port at this moment
            continue
        with connection:
            attached = Debugger(connection)
            if attached.ask("Runtime.evaluate", expression="process.pid")["result"]["value"] == pid:
                yield attached
                return
    pytest.fail(f"process {pid} never had the port")


def test_a_debugger_stops_in_typescript_also_in_the_worker_after_the_next(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("expected Node in CI")
        pytest.skip("needs Node")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        options = f"--inspect=127.0.0.1:{port}"
        first = NodeWorker(tmp_path, Path(folder), NODE_OPTIONS=options)
        with debugger(port, first.process.pid):
            pass
        second = NodeWorker(tmp_path, Path(folder), NODE_OPTIONS=options)
        try:
            [definition] = second.load_one("stops.step.ts", STEP)["definitions"]
            first.close()
            with debugger(port, second.process.pid) as attached:
                attached.ask("Debugger.enable")
                attached.ask("Debugger.setBreakpointByUrl", urlRegex=r".*stops\.step\.ts", lineNumber=7)
                context = {"trace_id": "t", "span_id": "s", "step": "Stops", "flows": [], "attempt": 1}
                context |= {"dialect": "type", "trigger": {"type": "queue", "index": 0}}
                number = second.send(
                    "invoke", function=definition["handler"], input={"total": 21}, context=context
                )
                frame = attached.until("Debugger.paused")["callFrames"][0]
                assert frame["location"]["lineNumber"] == 7
                seen = attached.ask(
                    "Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"], expression="doubled"
                )
                assert seen["result"]["value"] == 42
                attached.ask("Debugger.resume")
                while (message := second.next_message()).get("id") != number:
                    pass
                assert message["result"] == {"value": 42}
        finally:
            second.close()
