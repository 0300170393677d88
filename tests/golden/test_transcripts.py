"""Every shipped worker, and the node, say what the transcripts say."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from transcripts import NAMES, Names, lines_of

from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.testing import TestApp
from motia.testing.conformance.worker.peer import LIMITS

STEPS = Path(__file__).parents[1] / "conformance" / "worker_steps"
PROGRAMS = {"rb": "ruby", "ts": "node", "go": "go"}
_PATIENCE_S = 120


def write_project(folder: Path, extension: str) -> dict[str, str]:
    (folder / "steps").mkdir()
    files = {}
    for name in ("suite", "broken"):
        file = f"{name}.step.{extension}"
        shutil.copy(STEPS / file, folder / "steps" / file)
        files[f"{name}_file"] = f"steps/{file}"
    return files


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extension", PROGRAMS)
def test_a_worker(extension: str, name: str, tmp_path: Path) -> None:
    program = PROGRAMS[extension]
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"expected {program} in CI")
        pytest.skip(f"needs {program}")
    files = write_project(tmp_path, extension)
    names = Names(project_dir=str(tmp_path.resolve()), **files)
    [kind] = [kind for kind in WORKER_KINDS if kind.program.lower().startswith(program)]
    asyncio.run(_play_node(list(kind.command()), names, lines_of(name), tmp_path))


async def _play_node(command: list[str], names: Names, lines: list[dict[str, Any]], project: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="mg") as folder:
        path = f"{folder}/worker.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        environment = {**os.environ, "MOTIA_WORKER_FD": str(listener.fileno())}
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=project,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(listener.fileno(),),
        )
        listener.close()
        reader, writer = await asyncio.open_unix_connection(path, limit=2**24)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                for line in lines:
                    if line.get("from") == "node":
                        message = names.filled(line["message"])
                        if message.get("method") == "initialize":
                            message["params"]["limits"] = LIMITS
                            message["params"]["environment"] = "development"
                        writer.write(json.dumps(message).encode() + b"\n")
                    elif line.get("from") == "worker":
                        names.fits(line["message"], await _next(reader))
        finally:
            writer.close()
            process.kill()
            await process.wait()


async def _next(reader: asyncio.StreamReader) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await reader.readline())
        if message.get("method") != "heartbeat":
            return message


@pytest.mark.parametrize("name", NAMES)
def test_the_node(name: str, tmp_path: Path) -> None:
    files = write_project(tmp_path, "rb")
    names = Names(project_dir=str(tmp_path.resolve()), step_language="ruby", version="99.0", **files)
    asyncio.run(_play_worker(names, lines_of(name), tmp_path))


async def _play_worker(names: Names, lines: list[dict[str, Any]], project: Path) -> None:
    problems: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for line in lines:
                if line.get("from") == "node":
                    names.fits(line["message"], json.loads(await reader.readline()))
                elif line.get("from") == "worker":
                    writer.write(json.dumps(names.filled(line["message"])).encode() + b"\n")
            await reader.read()
        except AssertionError as error:
            problems.append(error)
        finally:
            writer.close()

    with tempfile.TemporaryDirectory(prefix="mg") as folder:
        server = await asyncio.start_unix_server(serve, f"{folder}/worker.sock", limit=2**24)
        sockets = {kind.name: [f"{folder}/worker.sock"] for kind in WORKER_KINDS}
        testing = TestApp(project, strict=False)
        testing.app._worker_sockets = sockets
        async with server, testing as app:
            for line in lines:
                if line.get("do") == "invoke":
                    await app.emit("suite", line["input"])
                    event = await app.until("invocation.ended", step="Suite")
                    app.events.remove(event)
                    assert event.fields["code"] == line.get("fails"), problems
    assert problems == []
