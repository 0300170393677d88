"""What a running project answers to bad requests and failing steps, and how it dies of bad settings."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
from real_process import Project, eventually, is_problem, run

from motia import encoding

CREATE = """
from pydantic import BaseModel
class Line(BaseModel):
    sku: str
    quantity: int
class Order(BaseModel):
    lines: list[Line]
config = {"name": "Create", "triggers": [http("POST", "/orders", body_schema=Order)]}
async def handler(request, ctx):
    return {"status": 201, "body": request.body}
"""
FAIL = """
import os
config = {
    "name": "Fail",
    "triggers": [http("GET", "/fail/:kind"), http("GET", "/slow/:kind", timeout=0.3)],
}
async def handler(request, ctx):
    kind = request.path_params["kind"]
    if kind == "raise":
        raise ValueError("password=hunter2")
    if kind == "junk":
        return {"status": 200, "body": object()}
    if kind == "exit":
        raise SystemExit(1)
    if kind == "deaf":
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
    if kind == "kill":
        os.kill(os.getpid(), 9)
    await asyncio.Event().wait()
"""
HANG = """
import threading
config = {"name": "Hang", "triggers": [http("GET", "/hang", timeout=0.3)]}
def handler(request, ctx):
    threading.Event().wait()
"""
PEEK = """
import sqlite3
config = {"name": "Peek", "triggers": [http("GET", "/peek"), queue("peek")]}
async def handler(input, ctx):
    connection = sqlite3.connect(".motia/motia.db")
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
"""


def test_bad_requests_and_failing_steps_are_problems(real_project: Project) -> None:
    for name, source in (("create", CREATE), ("fail", FAIL), ("hang", HANG)):
        real_project.step(name, source)
    real_project.file("motia.toml", "[limits]\nbody_bytes = 10000\n[queue]\ncancel_grace_s = 0.2\n")

    async def main() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=40) as client:
                await refuse_bad_requests(client)
                for path, status, code in (
                    ("/fail/raise", 500, "handler.raised"),
                    ("/fail/junk", 500, "handler.bad_result"),
                    ("/fail/exit", 500, "handler.raised"),
                    ("/slow/hang", 504, "handler.timed_out"),
                    ("/slow/deaf", 504, "handler.timed_out"),
                ):
                    body = is_problem(await client.get(path), status, code)
                    assert len(body["trace_id"]) == 32
                    assert "hunter2" not in str(body)
                is_problem(await client.get("/hang"), 504, "handler.timed_out")
                with pytest.raises(httpx.TransportError):
                    await client.get("/fail/kill")
            await running.ready()
            assert await running.stop() == 0

    run(main)


async def refuse_bad_requests(client: httpx.AsyncClient) -> None:
    json_type = {"content-type": "application/json"}
    good = {"lines": [{"sku": "a", "quantity": 1}]}
    assert (await client.post("/orders", json=good)).status_code == 201
    malformed = await client.post("/orders", content=b'{"lines": [', headers=json_type)
    is_problem(malformed, 400, "json.malformed")
    wrong = is_problem(await client.post("/orders", json={"lines": [{"sku": 1}]}), 422, "input.invalid")
    assert {error["path"] for error in wrong["errors"]} == {"lines[0].sku", "lines[0].quantity"}
    is_problem(await client.post("/orders", content=b" " * 10_001), 413, "input.too_large")

    async def endless() -> Any:
        for _ in range(200):
            yield b" " * 1000

    is_problem(await client.post("/orders", content=endless()), 413, "input.too_large")
    is_problem(await client.get("/nowhere"), 404, "route.not_found")
    refused = await client.delete("/orders")
    is_problem(refused, 405, "route.method_not_allowed")
    assert "POST" in refused.headers["allow"]


def test_a_step_that_opens_the_data_file_is_refused(real_project: Project) -> None:
    real_project.step("peek", PEEK)

    async def main() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            found = [path.name for path in (real_project.folder / ".motia").glob("*.db")]
            assert "motia.db" in found, found
            async with httpx.AsyncClient(base_url=base, timeout=40) as client:
                body = is_problem(await client.get("/peek"), 500, "backend.foreign_access")
                assert body["trace_id"]
            assert real_project.command("emit", "peek", "{}").returncode == 0

            async def buried() -> Any | None:
                _, dead = await real_project.left()
                return dead or None

            (dead,) = await eventually(buried, 40, lambda: running.text)
            assert dead.failures == 1
            error = encoding.decode(dead.error)
            assert "expected a step to leave motia's own database alone" in error["message"]
            assert "keep your own data in another file" in error["hint"]
            assert "peek_step.py" in error["stack"]
            assert "keep your own data in another file" in running.text
            assert await running.stop() == 0

    run(main)


def one_clear_line(done: Any, *words: str) -> None:
    assert done.returncode == 2, done
    lines = done.stderr.strip().splitlines()
    assert len([line for line in lines if "hint:" not in line]) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize("command", ["dev", "start"])
def test_a_port_in_use_is_one_line_and_exit_2(real_project: Project, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one_clear_line(real_project.command(command, "--port", str(port)), str(port))


@pytest.mark.parametrize("command", ["dev", "start"])
def test_a_missing_directory_is_one_line_and_exit_2(real_project: Project, command: str) -> None:
    one_clear_line(real_project.command(command, "--dir", "nowhere"), "nowhere")


def test_an_unknown_setting_is_one_line_and_exit_2(real_project: Project) -> None:
    real_project.file("motia.toml", "[queue]\nconcurency = 3\n")
    one_clear_line(real_project.command("start", "--port", "0"), "motia.toml", "concurency", "concurrency")


def test_a_database_we_do_not_know_is_one_line_and_exit_2(real_project: Project) -> None:
    real_project.environment["DATABASE_URL"] = "postgres://nobody:secret@localhost/x"
    done = real_project.command("start", "--port", "0")
    one_clear_line(done, "postgres")
    assert "secret" not in done.stderr


def test_a_data_directory_that_cannot_be_made_is_one_line_and_exit_2(real_project: Project) -> None:
    real_project.file(".motia", "not a folder")
    done = real_project.command("start", "--port", "0")
    assert done.returncode == 2, done
    assert "expected to make a folder for data" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_start_of_the_project_is_one_line_and_exit_2(real_project: Project) -> None:
    async def main() -> None:
        with real_project.running("start") as running:
            await running.ready()
            done = await asyncio.to_thread(real_project.command, "start", "--port", "0")
            one_clear_line(done, str(running.process.pid), "already running")
            assert await running.stop() == 0

    run(main)
