"""What an exercise asks of the running application: requests, streams, state, logs, traces, runs by hand."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

_EVENTUALLY_S = 10.0


@dataclass(slots=True)
class Follower:
    """A client that follows streams; `events` is what it heard until now."""

    socket: ClientConnection
    events: list[dict[str, Any]] = field(default_factory=list)

    def join(self, stream: str, group: str, id_: str | None = None) -> dict[str, Any]:
        """Follow a group or one item of it; the answer, which is a sync or a refusal."""
        join = {"subscriptionId": f"{stream}/{group}/{id_}", "streamName": stream, "groupId": group}
        self.socket.send(json.dumps({"type": "join", "data": join | ({} if id_ is None else {"id": id_})}))
        return self.next()

    def next(self, limit_s: float = _EVENTUALLY_S) -> dict[str, Any]:
        """The next event. Failure: AssertionError without one."""
        try:
            event: dict[str, Any] = json.loads(self.socket.recv(timeout=limit_s))["event"]
        except (TimeoutError, ConnectionClosed) as error:
            raise AssertionError(f"no event after {kinds(self.events)}: {error}") from error
        self.events.append(event)
        return event

    def until(self, check: Callable[[list[dict[str, Any]]], Any]) -> None:
        """Hear events until the check of all of them is true. Failure: AssertionError without a next one."""
        while not check(self.events):
            self.next()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """What events are, by one word each: `sync`, `create` …, or the type of what was sent."""
    return [str(one["event"]["type"] if one["type"] == "event" else one["type"]) for one in events]


class Application:
    """A running project."""

    def __init__(self, project: Path, port: int, log: Path) -> None:
        self._project = project
        self._log = log
        self.port = port
        self.kept: dict[str, Any] = {}
        """What one line leaves for the next."""
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(
        self, method: str, path: str, body: Any = None, *, status: int | tuple[int, ...], **options: Any
    ) -> Any:
        """The body of the answer, which must have the status."""
        given = {} if body is None else {"json": body}
        answer = self.http.request(method, path, **given, **options)
        expected = (status,) if isinstance(status, int) else status
        assert answer.status_code in expected, (
            f"expected {status}, got {answer.status_code} {answer.text[:200]}"
        )
        if "json" in answer.headers.get("content-type", ""):
            return answer.json()
        return answer.text

    @contextlib.contextmanager
    def following(self, *subprotocols: str) -> Iterator[Follower]:
        """A connection for streams."""
        offered: Any = subprotocols or None
        with connect(f"ws://127.0.0.1:{self.port}", subprotocols=offered, close_timeout=1) as socket:
            yield Follower(socket)

    def state(self, scope: str) -> dict[str, Any]:
        """All keys of a scope with their values."""
        keys = [item["key"] for item in self._document("state", "list", scope)]
        return {key: json.loads(self.run("state", "get", scope, key)) for key in keys}

    def logs(self, step: str, text: str = "", trace: str = "") -> list[dict[str, Any]]:
        """What a step logged with the text: level, message, data, trace_id."""
        given = ["--step", step, *(["--trace", trace] if trace else [])]
        found: list[dict[str, Any]] = self._document("logs", "--level", "debug", "--limit", "5000", *given)
        return [line for line in found if text in f"{line['message']} {json.dumps(line['data'])}"]

    def runs(self, trace: str) -> list[str]:
        """The names of the steps that ran in a trace."""
        return [span["name"] for span in self._document("traces", trace)["spans"]]

    def ticks(self, step: str) -> list[tuple[int, int]]:
        """When the runs of a schedule began and ended, in order."""
        found = self._document("traces", "--step", step, "--kind", "cron", "--limit", "500")
        return sorted((one["started_at_ms"], one["ended_at_ms"]) for one in found)

    def output(self) -> str:
        """What the process printed."""
        return self._log.read_text("utf-8", "replace")

    def file(self, name: str) -> bytes:
        """A file of the project."""
        return (self._project / name).read_bytes()

    def run(self, *command: str) -> str:
        """What a command of ours prints on this project."""
        code = "from motia.cli.main import run; run()"
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            cwd=self._project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"motia {' '.join(command)}: {done.stderr or done.stdout}"
        return done.stdout

    def _document(self, *command: str) -> Any:
        return json.loads(self.run(*command, "--json"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an exercise list."""

    text: str
    check: Callable[[Application], None]


def eventually(check: Callable[[], Any], limit_s: float = _EVENTUALLY_S) -> None:
    """Ask until the answer is true. Failure: AssertionError with what was asked last."""
    deadline_s = time.monotonic() + limit_s
    while True:
        found = check()
        if found:
            return
        assert time.monotonic() < deadline_s, f"never true within {limit_s:g} s"
        time.sleep(0.2)  # polled: the application is another process


class Lines(list[Line]):
    """The lines of an application, in order."""

    def add(self, text: str) -> Callable[[Callable[[Application], None]], Callable[[Application], None]]:
        def register(check: Callable[[Application], None]) -> Callable[[Application], None]:
            self.append(Line(text, check))
            return check

        return register
