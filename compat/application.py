"""What an exercise asks of the running application: requests, state, logs, and runs by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_EVENTUALLY_S = 10.0


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

    def state(self, scope: str) -> dict[str, Any]:
        """All keys of a scope with their values."""
        listed = self._command("state", "list", scope, "--json")
        keys = [item["key"] for item in json.loads(listed)]
        return {key: json.loads(self._command("state", "get", scope, key)) for key in keys}

    def output(self) -> str:
        """What the process printed."""
        return self._log.read_text("utf-8", "replace")

    def run(self, *command: str) -> str:
        """A command of ours on this project."""
        return self._command(*command)

    def _command(self, *arguments: str) -> str:
        code = "from motia.cli.main import run; run()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self._project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


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
