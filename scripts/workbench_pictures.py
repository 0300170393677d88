"""Pictures of every page of the Workbench in both themes, for a person to look at.

    python scripts/workbench_pictures.py FOLDER [--only WORD …] [--theme light|dark] [--address URL]

It serves a project made of the examples and a step that fails, puts traffic on it, and needs Chromium and the
built page (`make console`). With `--address` it photographs a Workbench that runs already.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 760, "height": 900}
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_ADDRESS = re.compile(r"Workbench +(http://\S+/#token=\S+)")
_STARTS_S = 60
_SETTLES_S = 60
_LOOK_S = 0.1

REFUSE = '''
"""A step that fails, so that there is something to look at."""

from pydantic import BaseModel, Field

from motia import Context, http, queue, step


class Refund(BaseModel):
    order: str = Field(description="The order that is given back")
    amount: int = Field(gt=0)


@step(http("POST", "/refunds"), enqueues=["refund.asked"], flows=["refunds"])
async def ask_refund(refund: Refund, ctx: Context) -> dict[str, str]:
    await ctx.enqueue("refund.asked", refund.model_dump())
    return {"status": "asked"}


@step(queue("refund.asked", attempts=2, retry_delay="100ms"), flows=["refunds"])
async def give_refund(refund: Refund, ctx: Context) -> None:
    ctx.logger.warning("refunding", {"amount": refund.amount})
    if refund.amount > 100:
        raise ValueError(f"{refund.amount} is more than was paid")
    if refund.amount > 50:
        raise ConnectionError("the bank does not answer")
'''

# What a picture is called, and where it is taken.
PAGES = {
    "flow": "/flow",
    "flow-shop": "/flow/orders",
    "flow-step": "/flow/orders?node=step:process-payment",
    "flow-source": "/flow/saga?node=step:fulfil_order&tab=source",
    "flow-list": "/flow/orders?view=list",
    "endpoints": "/endpoints",
    "endpoints-post": "/endpoints?id=POST%20/refunds",
    "queues": "/queues",
    "queues-dead": "/queues?step=give_refund&topic=refund.asked&tab=dead",
    "queues-send": "/queues?step=give_refund&topic=refund.asked&tab=send",
    "cron": "/cron",
    "traces": "/traces",
    "traces-failed": "/traces?status=error",
    "logs": "/logs",
    "logs-none": "/logs?text=nothing-says-this",
    "runs": "/runs",
    "errors": "/errors",
    "metrics": "/metrics",
    "states": "/states?scope=orders",
    "streams": "/streams?name=chat&group=tea",
    "plugin": "/plugins/orders",
    "nowhere": "/no/such/page",
}
NARROWED = (
    "run-waits",
    "flow-shop",
    "flow-step",
    "endpoints-post",
    "queues-dead",
    "traces",
    "logs",
    "states",
    "metrics",
)


def project_in(folder: Path) -> None:
    """A project with the shop, the chat, the saga and a step that fails."""
    shutil.copytree(ROOT / "examples" / "shop", folder, dirs_exist_ok=True)
    for example in ("chat", "order_saga"):
        for path in (ROOT / "examples" / example).rglob("*.py"):
            target = folder / path.relative_to(ROOT / "examples" / example)
            # Two examples take orders: the saga moves aside.
            target.write_text(path.read_text().replace('"/orders', '"/saga/orders'))
    (folder / "steps" / "refund_step.py").write_text(REFUSE)


@contextmanager
def served(folder: Path, runtime: Path) -> Iterator[str]:
    """`motia dev` of a project; its address with the token."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "SHOP_FAILURE_RATE": "0.2"}
    log = folder / "log.txt"
    command = [sys.executable, "-P", "-c", "from motia.cli.main import run; run()"]
    command += ["dev", "--port", "0", "--workbench-port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        end_s = time.monotonic() + _STARTS_S
        while (found := _ADDRESS.search(log.read_text())) is None or not _answers(found[1]):
            if process.poll() is not None or time.monotonic() > end_s:
                raise SystemExit(log.read_text())
            time.sleep(_LOOK_S)
        yield found[1]
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address.partition("#")[0] + "__motia/session").is_success
    except httpx.TransportError:
        return False


def traffic(url: str, token: str) -> None:
    """Some of everything: orders, refunds that fail, sagas that wait, a chat."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        for number in range(12):
            order = {"productId": f"p{number % 3 + 1}", "quantity": 1 + number % 2, "price": 3.5 + number}
            _post(
                client,
                "/orders",
                {
                    "customerId": ("ada", "grace", "alan")[number % 3],
                    "items": [order],
                    "paymentMethod": "paypal",
                },
            )
        for number in range(5):
            _post(client, "/users", {"name": "Ada", "email": f"ada{number}@example.org"})
        for amount in (10, 60, 70, 80, 120, 150, 500):
            _post(client, "/refunds", {"order": "order_1", "amount": amount})
        for item, price in (("globe", 1200), ("map", 20), ("atlas", 4000)):
            _post(client, "/saga/orders", {"item": item, "price": price})
        _post(client, "/chats/tea/questions", {"text": "Where does tea come from?"})
        _post(client, "/users", {"name": "Nobody"}, status=422)
        client.post("/__motia/cron/daily-summary-report/run", json={})
        _settled(client)


def _post(client: httpx.Client, path: str, body: object, status: int | None = None) -> None:
    answer = client.post(path, json=body)
    if not (answer.is_success if status is None else answer.status_code == status):
        raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")


def _settled(client: httpx.Client) -> None:
    end_s = time.monotonic() + _SETTLES_S
    while any(queue["ready"] + queue["claimed"] for queue in client.get("/__motia/queues").json()["items"]):
        if time.monotonic() > end_s:
            break
        time.sleep(_LOOK_S)


def places(url: str, token: str) -> dict[str, str]:
    """The pages, and those of things that are there by now."""
    found = dict(PAGES)
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        for name, query in (
            ("trace", "step=create-shipping-label"),
            ("trace-failed", "step=give_refund&status=error"),
        ):
            if items := client.get(f"/__motia/traces?{query}&limit=1").json()["items"]:
                found[name] = f"/traces/{items[0]['trace_id']}"
        for name, status in (("run-waits", "suspended"), ("run", "completed")):
            if items := client.get(f"/__motia/runs?status={status}&limit=1").json()["items"]:
                found[name] = f"/runs/{items[0]['id']}?of={items[0]['step']}"
        if items := client.get("/__motia/states/orders?limit=1").json()["items"]:
            found["states-item"] = f"/states?scope=orders&key={items[0]['key']}"
    return found


def photograph(browser: Browser, address: str, theme: str, folder: Path, only: list[str]) -> list[str]:
    """Take the pictures of one theme; what the pages complained of."""
    url, _, token = address.partition("/#token=")
    told: list[str] = []
    wanted = {
        name: place
        for name, place in places(url, token).items()
        if not only or any(word in name for word in only)
    }

    def tab(size: dict[str, int]) -> Page:
        page = browser.new_page(color_scheme=theme, viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
        page.on("console", lambda line: told.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        return page

    for size, suffix in ((WIDE, ""), (NARROW, "-narrow")):
        page = tab(size)
        if not only or "sign-in" in only:
            page.goto(f"{url}/traces")
            _take(page, folder / f"{theme}-sign-in{suffix}.png")
        page.goto(address)
        page.get_by_role("navigation", name="Workbench").wait_for()
        for name, place in wanted.items():
            if suffix and name not in NARROWED:
                continue
            page.goto(url + place)
            _take(page, folder / f"{theme}-{name}{suffix}.png")
        page.close()
    return told


def _take(page: Page, path: Path) -> None:
    # The live channel never rests: what is drawn is settled some frames after the last answer.
    page.wait_for_load_state("load")
    page.get_by_text("Loading", exact=True).first.wait_for(state="hidden")
    page.wait_for_timeout(700)
    page.screenshot(path=path)
    sys.stdout.write(f"{path}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="WORD", help="pictures whose name has one of these"
    )
    parser.add_argument("--theme", choices=["light", "dark"], action="append")
    parser.add_argument("--address", help="of a Workbench that runs, with its token")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        address = given.address
        if address is None:
            project = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="motia-pictures-")))
            runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mt")))
            (runtime / "motia").mkdir(mode=0o700)
            project_in(project)
            address = stack.enter_context(served(project, runtime))
            traffic(*address.split("/#token="))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        for theme in given.theme or ["light", "dark"]:
            for line in photograph(browser, address, theme, given.folder, given.only):
                sys.stderr.write(f"the page said: {line}\n")
        browser.close()


if __name__ == "__main__":
    main()
