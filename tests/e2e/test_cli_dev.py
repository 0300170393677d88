"""`motia dev` as a person uses it: broken steps beside good ones, reload on save, Ctrl-C."""

from __future__ import annotations

import signal

import httpx
from real_process import Project, eventually, run

HELLO = """
config = {"name": "Hello", "triggers": [http("GET", "/hello")]}
async def handler(request, ctx):
    print("said", "hello")
    return {"version": VERSION}
VERSION = 1
"""


def test_a_project_is_developed(real_project: Project) -> None:
    real_project.step("hello", HELLO)
    real_project.step("broken", "this is not Python")

    async def main() -> None:
        with real_project.running("dev", "--workbench-port", "0") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base, timeout=40) as client:

                async def version(wanted: int) -> bool | None:
                    try:
                        answer = await client.get("/hello")
                    except httpx.TransportError:
                        return None
                    return (answer.status_code == 200 and answer.json()["version"] == wanted) or None

                assert await version(1)
                assert "broken_step.py:4" in running.text
                real_project.step("hello", HELLO.replace("VERSION = 1", "VERSION = 2"))
                await eventually(lambda: version(2), 40, lambda: running.text)
                # A file that no longer loads takes only itself down.
                real_project.step("broken", HELLO.replace("hello", "more").replace("Hello", "More"))

                async def mended() -> bool | None:
                    try:
                        return (await client.get("/more")).status_code == 200 or None
                    except httpx.TransportError:
                        return None

                await eventually(mended, 40, lambda: running.text)
                assert await version(2)
            assert "said hello" in running.text
            running.process.send_signal(signal.SIGINT)
            assert await running.ended() == 0

    run(main)


def test_one_process_without_supervisor_stops_cleanly(real_project: Project) -> None:
    real_project.step("hello", HELLO)

    async def main() -> None:
        with real_project.running("dev", "--no-supervisor", "--workbench-port", "0") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=base) as client:
                assert (await client.get("/hello")).json() == {"version": 1}
                assert (await client.get("/pid")).json() == {"pid": running.process.pid}
            assert await running.stop() == 0

    run(main)
