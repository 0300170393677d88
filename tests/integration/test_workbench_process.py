"""The console of real processes: what is printed opens it, and production asks for more."""

from __future__ import annotations

import re

import httpx
from real_process import PID_STEP, Project, eventually, run

_CONSOLE = re.compile(r"Workbench  (http://127\.0\.0\.1:\d+)/#token=([0-9a-f]{32})")


async def opened(running: object) -> tuple[str, str]:
    """Address and token that the process printed, once it serves."""
    await running.ready()  # type: ignore[attr-defined]

    async def look() -> tuple[str, str] | None:
        found = _CONSOLE.search(running.text)  # type: ignore[attr-defined]
        return (found[1], found[2]) if found else None

    return await eventually(look, 40)


def test_the_printed_address_opens_the_console_and_a_session_outlives_the_process(
    real_project: Project,
) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(timeout=40) as browser:
            with real_project.running("dev", "--workbench-port", "0") as running:
                base, token = await opened(running)
                assert (await browser.get(f"{base}/__motia/steps")).status_code == 401
                signed = await browser.post(f"{base}/__motia/session", json={"token": token})
                assert signed.status_code == 204
                port = base.rpartition(":")[2]
                steps = (await browser.get(f"{base}/__motia/steps")).json()["items"]
                assert [step["name"] for step in steps] == ["Pid"]
                async with browser.stream("GET", f"{base}/__motia/live?topics=traces") as live:
                    lines = live.aiter_lines()
                    assert await anext(lines) == "event: hello"
                    await browser.get(f"{base}/pid")
                    async for line in lines:
                        if line == "event: traces":
                            break
                    # A save replaces the node; the page is sent to the next one.
                    real_project.step("second", PID_STEP.replace("Pid", "Second").replace("/pid", "/second"))
                    async for line in lines:
                        if line == "event: bye":
                            break

                async def reloaded() -> bool | None:
                    try:
                        found = (await browser.get(f"{base}/__motia/steps")).json()["items"]
                    except httpx.TransportError:
                        return None  # an idle connection that went with its node
                    return True if len(found) == 2 else None

                await eventually(reloaded, 40, lambda: running.text)
                assert await running.stop() == 0
            arguments = ("dev", "--workbench-port", port)
            with real_project.running(*arguments) as running:
                again, new_token = await opened(running)
                assert (again, new_token != token) == (base, True)
                assert (await browser.get(f"{base}/__motia/steps")).status_code == 200

    run(main)


def test_production_serves_no_console_unless_asked(real_project: Project) -> None:
    async def main() -> None:
        with real_project.running("start") as running:
            await running.ready()
            assert "Workbench" not in running.text
        refused = real_project.command(
            *("start", "--workbench", "--host", "0.0.0.0", "--port", "0", "--workbench-port", "0")
        )
        assert refused.returncode == 2
        assert "workbench.password" in refused.stderr
        real_project.environment["MOTIA_WORKBENCH__PASSWORD"] = "correct horse battery"
        with real_project.running("start", "--workbench", "--workbench-port", "0", "--nodes", "2") as running:
            await running.ready()
            assert "correct horse" not in running.text
            found = re.search(r"Workbench  (http://127\.0\.0\.1:\d+)$", running.text, re.MULTILINE)
            assert found is not None, running.text
            async with httpx.AsyncClient(timeout=40) as browser:
                body = {"token": "correct horse battery"}
                assert (await browser.post(f"{found[1]}/__motia/session", json=body)).status_code == 204
                for _ in range(6):
                    assert (await browser.get(f"{found[1]}/__motia/project")).json()["mode"] == "production"

    run(main)
