"""The shop, served by `motia dev`, and its Workbench in a real browser."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright
from prerequisites import chromium_path, installed_packages
from real_process import Project, Running
from workbench_pages import Workbench

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "workbench"
BUILT = ROOT / "src" / "motia" / "workbench" / "assets" / "index.html"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_ADDRESS = re.compile(r"Workbench +(http://\S+)/#token=(\S+)")
_START_S = 30
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Console:
    """A project that runs, and where its Workbench is."""

    url: str
    token: str
    api: str
    project: Project
    running: Running

    def client(self) -> httpx.Client:
        """Asks the console's API as a tool does."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, timeout=20)


@pytest.fixture(scope="session")
def built_console(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The page, built from the sources as they are; once, however many test processes there are."""
    installed_packages(SOURCES)
    with (Path(tempfile.gettempdir()) / "motia-workbench-build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(path.stat().st_mtime for path in (SOURCES / "src").rglob("*"))
        if BUILT.is_file() and BUILT.stat().st_mtime >= newest:
            return
        ended = subprocess.run(
            ["npm", "run", "build"], cwd=SOURCES, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def shop(built_console: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The example shop with more: a step that always fails, a run that waits for a person, hidden ways."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copytree(ROOT / "examples" / "shop", folder, dirs_exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(folder, Path(runtime))
        project.environment["SHOP_FAILURE_RATE"] = "0"
        project.step("refuse", REFUSE)
        project.step("gift", GIFT)
        project.step("parcel", PARCEL)
        with served(project) as console:
            yield console


REFUSE = """
@event(id="refuse", schema={"amount": int}, retries=1, flows=["refusals"])
async def refuse(amount: int, ctx: Context) -> None:
    ctx.logger.warning("refusing", {"amount": amount})
    if amount > 0:
        raise ValueError(f"{amount} is too much")

@event(id="stumble", retries=1, retry_delay=0.01, jitter=0, flows=["refusals"])
async def stumble(ctx: Context) -> None:
    if await ctx.state.increment("stumbles", ctx.trace_id) == 1:
        raise ValueError("stumbled")
"""


GIFT = """
from pydantic import BaseModel

class Choice(BaseModel):
    ribbon: str

async def wrap(present: str) -> dict[str, str]:
    return {"wrapped": present}

async def unwrap(done: dict[str, str]) -> None:
    pass

@step(queue("gift.asked"), flows=["gifts"])
async def give_gift(input: dict, ctx: Context) -> str:
    await ctx.step("wrap", wrap, input["present"], undo=unwrap)
    answer = await ctx.wait_for_signal("allowed")
    choice = await ctx.approval(Choice, title="Which ribbon?", expires="1d")
    return f"given by {answer['by']} in {choice.ribbon}"
"""


PARCEL = """
@api(id="take-parcel", method="POST", path="/parcels", flows=["parcels"])
async def take(ctx: Context) -> dict[str, str]:
    await ctx.trigger_step("sort-parcel", {})
    return {"status": "taken"}

@event(id="sort-parcel", flows=["parcels"])
async def sort(ctx: Context) -> None:
    await ctx.trigger_step("load-parcel", {})

@event(id="load-parcel", flows=["parcels"])
async def load(ctx: Context) -> None:
    await ctx.trigger_step("bring-parcel", {})

@event(id="bring-parcel", flows=["parcels"])
async def bring(ctx: Context) -> None:
    pass
"""


class served:
    """`motia dev` of a project until the block ends."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._context = project.running("dev", "--workbench-port", "0")

    def __enter__(self) -> Console:
        running = self._context.__enter__()
        end_s = time.monotonic() + _START_S
        while (found := _ADDRESS.search(running.text)) is None or not _answers(found[1]):
            assert running.process.poll() is None, running.text
            assert time.monotonic() < end_s, running.text
            time.sleep(_LOOK_S)
        api = re.search(r"API +(http://\S+)", running.text)
        assert api is not None
        return Console(found[1], found[2], api[1], self._project, running)

    def __exit__(self, *exception: object) -> None:
        self._context.__exit__(None, None, None)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/__motia/session", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def workbench(shop: Console, page: Page) -> Workbench:
    """A browser tab that opened the printed address."""
    return Workbench.opened(page, shop.url, shop.token)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, shop: Console) -> Iterator[Workbench]:
    """A tab of somebody who prefers this theme."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(
            color_scheme=request.param, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
        )
        yield Workbench.opened(page, shop.url, shop.token)
        browser.close()
