"""The Node worker as a process, spoken to over its socket without any of the node's code."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import motia

MAIN = Path(motia.__file__).parent / "workers" / "node" / "main.js"
_NUMBERS = itertools.count()
LIMITS = {"frame_bytes": 1 << 20, "message_bytes": 1 << 26, "stream_items": 4, "heartbeat_s": 5}


class NodeWorker:
    """One process and one connection to it. Every call waits for its answer."""

    def __init__(self, project: Path, runtime: Path, **environment: str) -> None:
        self.project = project
        self.notes: list[dict[str, Any]] = []
        """Notifications and calls of the worker, in order; calls were answered with `replies`."""
        self.replies: dict[str, Any] = {
            "context.commit": {"results": [["0197"]]},
            "context.read": {"value": 41, "version": 7},
            "context.atomic": {},
            "context.call": {"value": "called"},
        }
        self._last_id = 0
        path = str(runtime / f"worker-{next(_NUMBERS)}.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            self.process = subprocess.Popen(
                [shutil.which("node") or "node", str(MAIN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                env={**os.environ, **environment, "MOTIA_WORKER_FD": str(listener.fileno())},
                cwd=project,
            )
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.settimeout(30)
        self._lines = self._socket.makefile("rb")
        self.hello = self.ask(
            "initialize",
            protocol=1,
            node="test",
            project_dir=str(project),
            environment="development",
            limits=LIMITS,
        )

    def file(self, name: str, text: str) -> str:
        """Write a file of the project; its name."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def load(self, *files: str) -> dict[str, Any]:
        """What each file declares, by name."""
        result = self.ask("load", project_dir=str(self.project), files=list(files))
        return {file["path"]: file for file in result["files"]}

    def load_one(self, name: str, text: str) -> dict[str, Any]:
        """What one file declares. Failure: AssertionError with its problems."""
        loaded: dict[str, Any] = self.load(self.file(name, text))[name]
        assert loaded["problems"] == [], loaded["problems"]
        return loaded

    def invoke(self, function: str, *, trigger: str = "queue", dialect: str = "type", **params: Any) -> Any:
        """The answer to `invoke`: its result, or its error."""
        context = {
            "trace_id": "trace-1",
            "span_id": "span-1",
            "step": "Step",
            "flows": [],
            "attempt": 1,
            "dialect": dialect,
            "trigger": {"type": trigger, "index": 0},
            **params.pop("context", {}),
        }
        if trigger == "http":
            params["request"] = {
                "method": "POST",
                "path": "/x",
                "route": "/x",
                "path_params": {},
                "query_params": {},
                "headers": {},
                **params.get("request", {}),
            }
        return self.answer("invoke", function=function, context=context, **params)

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a call. Failure: AssertionError for an error."""
        answer = self.answer(method, **params)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole answer to a call."""
        number = self.send(method, **params)
        while True:
            message = self.next_message()
            if message.get("id") == number and "method" not in message:
                return message

    def send(self, method: str, **params: Any) -> int:
        """Send a call without waiting; its id."""
        self._last_id += 1
        self.raw({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id

    def note(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self.raw({"jsonrpc": "2.0", "method": method, "params": params})

    def raw(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def next_message(self) -> dict[str, Any]:
        """The next message; a call of the worker is answered on the way."""
        line = self._lines.readline()
        assert line, f"the worker closed the connection: {self.output()}"
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.notes.append(message)
            if "id" in message:
                reply = self.replies[message["method"]]
                outcome = {"error": reply["error"]} if "error" in reply else {"result": reply}
                self.raw({"jsonrpc": "2.0", "id": message["id"], **outcome})
        return message

    def told(self, method: str) -> list[dict[str, Any]]:
        """The params of what the worker sent by a method."""
        return [note["params"] for note in self.notes if note["method"] == method]

    def output(self) -> str:
        """What the process printed, once it has ended."""
        assert self.process.stdout is not None
        self.process.wait(10)
        return self.process.stdout.read().decode()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
