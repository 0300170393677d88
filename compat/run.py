"""Run a real application of Motia 0.x or 1.x with this framework, and its exercise list line by line.

    python compat/run.py CHECKOUT NAME        # NAME is P1 … P15

Works on a copy of CHECKOUT; installs what its package.json names, through `motia adopt`. Fetches nothing
else. The list runs twice: from an empty state, and again with what that left for P1 to P4, with an empty
state for the others. Ends with 0 if every line passed both times.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from application import Application, Line

_IGNORED = shutil.ignore_patterns("node_modules", ".motia", ".git", "dist", "python_modules")
_READY_S = 60.0
_KEEP_STATE = ("P1", "P2", "P3", "P4")


def main(checkout: str, name: str) -> int:
    exercises = importlib.import_module(f"exercises.{name.lower()}")
    lines = [Line("no step failed to load", _all_loaded), *exercises.LINES]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        project = Path(folder).resolve() / "app"
        shutil.copytree(checkout, project, ignore=_IGNORED)
        _install(project)
        for life in ("first", "second"):
            if name not in _KEEP_STATE:
                shutil.rmtree(project / ".motia", ignore_errors=True)
            failed += _exercise(project, lines, life)
    print(f"{name}: {2 * len(lines) - failed} passed, {failed} failed of {len(lines)} lines, twice")
    return 1 if failed else 0


def _exercise(project: Path, lines: list[Line], life: str) -> int:
    failed = 0
    with _served(project) as application:
        for line in lines:
            problem = _outcome(line, application)
            failed += problem is not None
            outcome = "ok  " if problem is None else "FAIL"
            print(f"{outcome} {life}: {line.text}{f': {problem}' if problem else ''}", flush=True)
        if failed:
            print(application.output())
    return failed


def _all_loaded(application: Application) -> None:
    assert " 0 broken" in application.output(), application.output()[:2000]


def _outcome(line: Line, application: Application) -> str | None:
    try:
        line.check(application)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")[:2000]
    return None


def _motia(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from motia.cli.main import run; run()", *arguments]


def _install(project: Path) -> None:
    if not (project / "package.json").is_file():
        return
    path = project / "package.json"
    manifest = json.loads(path.read_text("utf-8"))
    for section in ("dependencies", "devDependencies"):
        # Parts of a workspace are not in the checkout.
        manifest[section] = {
            name: version
            for name, version in manifest.get(section, {}).items()
            if not str(version).startswith("workspace:")
        }
    path.write_text(json.dumps(manifest, indent=2), "utf-8")
    adopted = subprocess.run(
        _motia("adopt", "--dir", str(project)), capture_output=True, text=True, check=False
    )
    print(adopted.stdout + adopted.stderr)
    install = ["npm", "install", "--silent", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run([*install, "--legacy-peer-deps"], cwd=project, check=True)


@contextlib.contextmanager
def _served(project: Path) -> Iterator[Application]:
    port, workbench = _free_port(), _free_port()
    log = project / "motia.log"
    with log.open("w") as output:
        command = _motia("dev", "--port", str(port), "--workbench-port", str(workbench))
        process = subprocess.Popen(command, cwd=project, stdout=output, stderr=subprocess.STDOUT)
    try:
        application = Application(project, port, log)
        deadline_s = time.monotonic() + _READY_S
        while not application.is_ready():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise SystemExit(f"the application did not start:\n{log.read_text()}")
            time.sleep(0.2)  # polled: it is another process
        yield application
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.environ.setdefault("LOG_LEVEL", "debug")
    sys.exit(main(sys.argv[1], sys.argv[2]))
