"""Workers of a running project: replaced on save, killed, hung, missing. The nodes go on."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal

import httpx
import pytest
from real_process import Project, eventually, run

RUBY = """
def config = { type: "api", name: "Version", method: "GET", path: "/version", emits: [] }

def handler(req, ctx)
  { status: 200, body: { version: VERSION_NUMBER, pid: Process.pid, colour: ENV["COLOUR"] } }
end
"""
HANGS = """
def config = { type: "api", name: "Hangs", method: "GET", path: "/hangs", emits: [] }

def handler(req, ctx)
  Process.kill("STOP", Process.pid)
  sleep # the process stops at a moment of the kernel's choice, perhaps after this thread has gone on
end
"""


@pytest.fixture
def ruby_project(real_project: Project) -> Project:
    if shutil.which("ruby") is None:
        if os.environ.get("CI"):
            pytest.fail("expected Ruby in CI")
        pytest.skip("needs Ruby")
    write_version(real_project, 1)
    return real_project


def write_version(project: Project, number: int) -> None:
    text = RUBY.replace("VERSION_NUMBER", str(number))
    (project.folder / "steps" / "version.step.rb").write_text(text)


def test_a_saved_ruby_file_replaces_its_worker_alone(ruby_project: Project) -> None:
    async def scenario() -> None:
        with ruby_project.running("dev", "--workbench-port", "0") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base) as client:
                node = (await client.get("/pid")).json()
                before = (await client.get("/version")).json()
                assert before["version"] == 1
                write_version(ruby_project, 2)

                async def changed() -> dict[str, int] | None:
                    answer = await client.get("/version")
                    assert answer.status_code == 200
                    found: dict[str, int] = answer.json()
                    return found if found["version"] == 2 else None

                after = await eventually(changed, 40, lambda: running.text)
                assert after["pid"] != before["pid"]
                assert (await client.get("/pid")).json() == node

                async def old_is_gone() -> bool | None:
                    return True if not alive(before["pid"]) else None

                await eventually(old_is_gone, 40, lambda: running.text)
            running.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(running.process.wait, 30) == 0
            assert not alive(after["pid"])

    run(scenario)


def test_a_killed_worker_comes_back_and_the_node_stays(ruby_project: Project) -> None:
    async def scenario() -> None:
        with ruby_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                node = (await client.get("/pid")).json()
                before = (await client.get("/version")).json()
                os.kill(before["pid"], signal.SIGKILL)

                async def back() -> dict[str, int] | None:
                    answer = await client.get("/version")
                    return answer.json() if answer.status_code == 200 else None

                after = await eventually(back, 40, lambda: running.text)
                assert after["pid"] != before["pid"]
                assert (await client.get("/pid")).json() == node
                assert "the ruby worker" in running.text
                assert "SIGKILL" in running.text

    run(scenario)


def test_a_signal_loads_every_language_again_with_the_variables_of_now(ruby_project: Project) -> None:
    async def scenario() -> None:
        with ruby_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=30) as client:
                write_version(ruby_project, 2)
                ruby_project.file(".env", "COLOUR=blue\n")
                running.process.send_signal(signal.SIGHUP)

                async def changed() -> str | None:
                    answer = await client.get("/version")
                    assert answer.status_code == 200, f"{answer.text}\n{running.text}"
                    found = answer.json()
                    return found["colour"] if found["version"] == 2 else None

                assert await eventually(changed, 40, lambda: running.text) == "blue"

    run(scenario)


BESIDE = """
export const config = { type: "api", name: "Beside", method: "GET", path: "/beside", emits: [] }
export const handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return { status: 200, body: { pid: process.pid } }
}
"""


@pytest.mark.skipif(shutil.which("node") is None and not os.environ.get("CI"), reason="needs Node")
def test_of_two_workers_one_is_killed_and_calls_go_on(real_project: Project) -> None:
    (real_project.folder / "steps" / "beside.step.js").write_text(BESIDE)
    real_project.file("motia.toml", "[workers]\nprocesses = 2\n")

    async def scenario() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=30) as client:

                async def pids() -> set[int] | None:
                    """Of the workers that answer eight calls at once; None where a call met a death."""
                    answers = await asyncio.gather(*(client.get("/beside") for _ in range(8)))
                    assert {answer.status_code for answer in answers} <= {200, 500, 503}
                    if any(answer.status_code != 200 for answer in answers):
                        return None
                    return {answer.json()["pid"] for answer in answers}

                async def both() -> set[int] | None:
                    found = await pids()
                    return found if found is not None and len(found) == 2 else None

                before = await eventually(both, 40, lambda: running.text)
                killed, other = before
                os.kill(killed, signal.SIGKILL)
                after = await eventually(pids, 40, lambda: running.text)
                assert other in after, "the one that was left alone serves"
                again = await eventually(both, 40, lambda: running.text)
                assert other in again
                assert killed not in again

    run(scenario)


def test_a_worker_that_stands_still_is_killed(ruby_project: Project) -> None:
    (ruby_project.folder / "steps" / "hangs.step.rb").write_text(HANGS)
    ruby_project.file("motia.toml", "[queue]\nhandler_timeout_s = 1.0\ncancel_grace_s = 0.2\n")

    async def scenario() -> None:
        with ruby_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                hung = asyncio.ensure_future(client.get("/hangs"))

                async def back() -> bool | None:
                    answer = await client.get("/version")
                    named = re.search(r"stood still for .*\(running: .*Hangs", running.text)
                    return True if answer.status_code == 200 and named else None

                await eventually(back, 30, lambda: running.text)
                assert (await hung).status_code in (503, 504)

    run(scenario)


def test_without_the_language_its_steps_are_unavailable_and_all_others_serve(
    ruby_project: Project,
) -> None:
    ruby_project.environment["PATH"] = "/nonexistent"

    async def scenario() -> None:
        with ruby_project.running("start") as running:

            async def serves() -> str | None:
                assert running.process.poll() is None, running.text
                base = next((word for word in running.text.split() if word.startswith("http://")), "")
                try:
                    async with httpx.AsyncClient(timeout=20) as client:
                        answer = await client.get(f"{base}/pid")
                except (httpx.TransportError, httpx.UnsupportedProtocol):
                    return None
                return base if answer.status_code == 200 else None

            base = await eventually(serves, 40, lambda: running.text)
            async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                assert (await client.get("/version")).status_code == 404
                ready = await client.get("/ready")
                assert (ready.status_code, "no `ruby` on the PATH" in ready.text) == (503, True)
            assert "steps/version.step.rb" in running.text
            assert "install Ruby" in running.text

    run(scenario)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
