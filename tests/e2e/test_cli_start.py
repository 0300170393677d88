"""How a project starts: from where, with which interpreter and which variables, and when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
from real_process import COMMAND, Project, eventually, run

ENVIRONMENT = """
import os, time
config = {"name": "Environment", "triggers": [http("GET", "/environment")]}
async def handler(request, ctx):
    return {"mood": os.environ.get("MOOD"), "cwd": os.getcwd(), "zone": time.tzname[0]}
"""
OWN_PACKAGE = """
import sys, only_here
config = {"name": "Own", "triggers": [http("GET", "/own")]}
async def handler(request, ctx):
    return {"prefix": sys.prefix, "value": only_here.VALUE}
"""


def test_variables_of_dotenv_are_those_of_the_file_as_it_is_now(real_project: Project) -> None:
    real_project.step("environment", ENVIRONMENT)
    # A module of the project must not stand in for one of the standard library.
    real_project.file("random.py", "raise RuntimeError('shadowed')")
    real_project.file(".env", "MOOD=calm\nTZ=UTC-3")

    async def main() -> None:
        with real_project.running("dev", "--workbench-port", "0") as running:
            async with httpx.AsyncClient(base_url=await running.ready(), timeout=40) as client:
                first = (await client.get("/environment")).json()
                assert first["mood"] == "calm"
                assert first["zone"] == "UTC"
                assert first["cwd"] == os.path.realpath(real_project.folder)
                real_project.file(".env", "MOOD=wild")
                real_project.step("environment", ENVIRONMENT + "# saved")

                async def renewed() -> bool | None:
                    try:
                        found = (await client.get("/environment")).json()
                    except httpx.TransportError:
                        return None
                    return found["mood"] == "wild" or None

                await eventually(renewed, 40, lambda: running.text)
            assert await running.stop() == 0

    run(main)


def test_the_project_s_own_environment_runs_it(real_project: Project) -> None:
    environment = real_project.folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=120)
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "motia_steps-0.dist-info").mkdir()
    (packages / "here.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith(("-packages", "src")))
    )
    (packages / "only_here.py").write_text("VALUE = 7\n")
    real_project.step("own", OWN_PACKAGE)

    async def main() -> None:
        with real_project.running("start") as running:
            async with httpx.AsyncClient(base_url=await running.ready(), timeout=40) as client:
                assert (await client.get("/own")).json() == {"prefix": str(environment), "value": 7}
            assert await running.stop() == 0

    run(main)
    listed = real_project.command("steps", "--json")
    assert listed.returncode == 0, listed.stderr


def test_a_command_that_fails_leaves_no_node_behind(real_project: Project) -> None:
    elsewhere = Path(real_project.environment["XDG_RUNTIME_DIR"])
    for arguments in (["start", "--prot", "1"], ["dev", "--dir", "no-such-folder"]):
        # The pipe ends only when the last process that holds it is gone.
        ran = subprocess.run(
            [*COMMAND, *arguments],
            cwd=elsewhere,
            env=real_project.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert ran.returncode == 2
        assert ran.stderr.startswith("error: ")
