"""Starting what is measured: projects in temporary folders, servers, the load generator."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measure import cpu_s, descendants, rss_bytes

HERE = Path(__file__).parent
APPS = HERE / "apps"
CONNECTIONS = 64
_START_WITHIN_S = 60.0
_RUN_WITHIN_S = 600.0
_MOTIA = "from motia.cli.main import run; run()"
"""The `motia` script, in the interpreter that runs the benchmarks."""
_POLL_S = 0.002


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change settings, or keep compiled modules from disk."""
    owned = {"PORT", "HOST", "DATABASE_URL", "REDIS_URL", "NODE_ENV", "LOG_LEVEL", "PYTHONDONTWRITEBYTECODE"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in owned and not name.startswith("MOTIA_")
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def bench_project(app: str = "motia_bench", *, toml: str = "") -> Iterator[Path]:
    """A copy of one of `apps` in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="motia-bench-") as folder:
        project = Path(folder) / "project"
        shutil.copytree(APPS / app, project, ignore=shutil.ignore_patterns("__pycache__", ".motia"))
        shutil.copy(APPS / "orders.py", project)
        (project / "motia.toml").write_text(toml)
        yield project


class Server:
    """A server process and all it started."""

    def __init__(self, command: Sequence[str], *, port: int, log: Path, cwd: Path | None = None) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=clean_environment(), cwd=cwd
            )

    def wait_for(self, path: str, *, holding: bytes = b"", limit_s: float = _START_WITHIN_S) -> float:
        """Seconds until a GET of `path` is a 200 that holds these bytes."""
        started_s = time.perf_counter()
        while True:
            answer = _get(self.port, path)
            if answer.startswith(b"HTTP/1.1 200 ") and holding in answer:
                return time.perf_counter() - started_s
            if self._process.poll() is not None or time.perf_counter() - started_s > limit_s:
                raise RuntimeError(f"{path}: no 200 from the server; its output:\n{self._log.read_text()}")
            time.sleep(_POLL_S)  # another process: nothing here hears when it is ready

    def cpu_s(self) -> float:
        """CPU time of the server and of what it started."""
        return cpu_s(descendants(self._process.pid))

    def largest_rss_bytes(self) -> int:
        """Memory of the largest of its processes, which is the one that serves."""
        return max(rss_bytes(pid) for pid in descendants(self._process.pid))

    def load(self, method: str, path: str, requests: int, *, body: Path | None = None) -> float:
        """Send requests; the server's CPU µs for each."""
        before_s = self.cpu_s()
        run_load(self.port, method, path, requests, body=body)
        return (self.cpu_s() - before_s) / requests * 1e6

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _get(port: int, path: str) -> bytes:
    """The whole answer to a GET on a connection of its own; empty when nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer
    except OSError:
        # Nobody listens yet, or the one that did is being replaced: the caller asks again.
        return b""


@contextmanager
def serving(command: Sequence[str], *, port: int, first: str, cwd: Path | None = None) -> Iterator[Server]:
    """A server that runs inside the block and answers `first` with 200 when it begins."""
    with tempfile.TemporaryDirectory(prefix="motia-bench-log-") as folder:
        server = Server(command, port=port, log=Path(folder) / "output", cwd=cwd)
        try:
            server.wait_for(first)
            yield server
        finally:
            server.stop()


def motia_command(project: Path, port: int, *, mode: str = "start") -> list[str]:
    """`motia start` (or `dev`) of a project."""
    command = [sys.executable, "-c", _MOTIA, mode, "--dir", str(project), "--port", str(port)]
    return [*command, "--workbench-port", "0"] if mode == "dev" else command


@contextmanager
def motia_serving(project: Path, *, first: str = "/hello") -> Iterator[Server]:
    """The project, run as for production."""
    port = free_port()
    with serving(motia_command(project, port), port=port, first=first) as server:
        yield server


def run_load(
    port: int, method: str, path: str, requests: int, *, body: Path | None = None
) -> dict[str, float]:
    """Let another process send requests. Failure: `RuntimeError` when any is not answered with 200."""
    command = [sys.executable, HERE / "loadgen.py", port, method, path, requests, CONNECTIONS]
    return run_json([*map(str, command), *([str(body)] if body else [])])


def run_inside(project: Path, calls: Mapping[str, Any]) -> dict[str, Any]:
    """What `inside.py` measures of one step in a node of its own."""
    return run_json([sys.executable, str(HERE / "inside.py"), str(project), json.dumps(calls)])


def run_json(command: Sequence[str]) -> dict[str, Any]:
    """What a program printed on its last line. Failure: `RuntimeError` with its errors, or when it hangs."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=clean_environment(),
            check=False,
            timeout=_RUN_WITHIN_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{' '.join(command)}: not done after {_RUN_WITHIN_S:.0f} s") from error
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
