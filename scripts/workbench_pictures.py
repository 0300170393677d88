"""Pictures of every page of the Workbench in both themes and two widths, for a person to look at.

    python scripts/workbench_pictures.py FOLDER [--only WORD …] [--theme light|dark] [--address URL]

It serves a project made of the examples, a large one and an empty one, and needs Chromium, Node, Ruby and the
built page (`make console`). With `--address` it photographs a Workbench that runs already.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import httpx
from pictured_projects import empty_in, examples_in, large_in, served, traffic
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

Theme = Literal["light", "dark"]
SIZES: dict[str, ViewportSize] = {
    "": {"width": 1440, "height": 900},
    "-narrow": {"width": 900, "height": 900},
}
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_LOOK_MS = 300
_MOST_LOOKS = 12

# What a picture is called, and where it is taken.
PAGES = {
    "flow": "/flow",
    "flow-shop": "/flow/orders",
    "flow-polyglot": "/flow/reviews",
    "flow-step": "/flow/orders?node=step:process-payment",
    "flow-schema": "/flow/orders?node=step:process-payment&tab=schema",
    "flow-source": "/flow/saga?node=step:fulfil_order&tab=source",
    "flow-runs": "/flow/refunds?node=step:give_refund&tab=runs",
    "flow-run-by-hand": "/flow/refunds?node=step:give_refund&tab=run",
    "flow-list": "/flow/orders?view=list",
    "endpoints": "/endpoints",
    "endpoints-post": "/endpoints?id=POST%20/refunds",
    "queues": "/queues",
    "queues-policy": "/queues?step=give_refund&topic=refund.asked",
    "queues-dead": "/queues?step=give_refund&topic=refund.asked&tab=dead",
    "queues-send": "/queues?step=give_refund&topic=refund.asked&tab=send",
    "cron": "/cron",
    "cron-one": "/cron?step=daily-summary-report",
    "traces": "/traces",
    "traces-failed": "/traces?status=failed",
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
# What is seen only after these were pressed, in turn: the place, and the names of buttons.
PRESSED = {
    "palette": ("/traces", ("Go to",)),
    "help": ("/traces", ("Keys and help",)),
    "flow-run-called": ("/flow/refunds?node=step:give_refund&tab=run", ("Call and wait",)),
    "endpoints-answer": ("/endpoints?id=POST%20/refunds", ("Send",)),
    "queues-letter": ("/queues?step=give_refund", ("bank does not answer", "order_1")),
    "queues-redrive": ("/queues?step=give_refund", ("Redrive",)),
    "queues-purge": ("/queues?step=give_refund", ("Purge",)),
    "queues-bulks": ("/queues?view=bulks", ()),
    "cron-run": ("/cron", ("Run now",)),
    "logs-line": ("/logs?level=error", ("attempt 2 failed",)),
    "states-new": ("/states", ("New value",)),
}
LARGE = {
    "large-flow": "/flow/large",
    "large-flow-step": "/flow/large?node=step:step_250",
    "large-queues": "/queues",
    "large-metrics": "/metrics",
}
EMPTY = {
    f"empty-{page}": f"/{page}"
    for page in (
        *("flow", "endpoints", "queues", "cron", "traces", "logs"),
        *("runs", "errors", "metrics", "states", "streams"),
    )
}


def things(url: str, token: str) -> dict[str, str]:
    """The places of what is there by now."""
    found: dict[str, str] = {}
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:

        def first(path: str) -> Iterator[dict[str, str]]:
            yield from client.get(f"/__motia/{path}&limit=1").json()["items"]

        for name, query in (
            ("trace", "step=create-shipping-label"),
            ("trace-chat", "step=answer"),
            ("trace-polyglot", "step=StoreReview"),
            ("trace-failed", "step=give_refund&status=error"),
        ):
            for item in first(f"traces?{query}"):
                found[name] = f"/traces/{item['trace_id']}"
        for name, query in (
            ("run-approval", "status=suspended&step=wrap_gift"),
            ("run-waits", "status=suspended&step=ThankReviewer"),
            ("run", "status=completed"),
        ):
            for item in first(f"runs?{query}"):
                found[name] = f"/runs/{item['id']}?of={item['step']}"
        for item in first("states/orders?"):
            found["states-item"] = f"/states?scope=orders&key={item['key']}"
        for item in first("streams/chat/groups/tea?"):
            found["streams-item"] = f"/streams?name=chat&group=tea&item={item['id']}"
    return found


class Album:
    """Takes the pictures, and keeps what the pages complained of."""

    def __init__(self, browser: Browser, folder: Path, *, only: list[str], themes: list[Theme]) -> None:
        self._browser = browser
        self._folder = folder
        self._only = only
        self._themes = themes
        self.told: list[str] = []

    def wants(self, name: str) -> bool:
        """Whether a picture was asked for."""
        return not self._only or any(word in name for word in self._only)

    def add(
        self,
        address: str,
        places: dict[str, str],
        pressed: dict[str, tuple[str, tuple[str, ...]]] | None = None,
    ) -> None:
        """Pictures of these places of a Workbench, in all themes and widths."""
        url = address.partition("/#token=")[0]
        for theme in self._themes:
            for suffix, size in SIZES.items():
                page = self._browser.new_page(color_scheme=theme, viewport=size, reduced_motion="reduce")
                page.on("console", lambda line: self._heard(line.type, line.text))
                page.on("pageerror", lambda error: self._heard("error", str(error)))
                if "sign-in" in places and self.wants("sign-in"):
                    page.goto(url + places["sign-in"])
                    self._take(page, f"{theme}-sign-in{suffix}")
                page.goto(address)
                page.get_by_role("main").wait_for()
                for name, place in places.items():
                    if name != "sign-in" and self.wants(name):
                        page.goto(url + place)
                        self._take(page, f"{theme}-{name}{suffix}")
                for name, (place, buttons) in (pressed or {}).items():
                    if self.wants(name):
                        page.goto(url + place)
                        for button in buttons:
                            page.get_by_role("button", name=button).first.click()
                        self._take(page, f"{theme}-{name}{suffix}")
                page.close()

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.told.append(text)

    def _take(self, page: Page, name: str) -> None:
        page.wait_for_load_state("load")
        page.get_by_text("Loading", exact=True).first.wait_for(state="hidden")
        path = self._folder / f"{name}.png"
        before = b""
        for _look in range(_MOST_LOOKS):
            page.wait_for_timeout(
                _LOOK_MS
            )  # the live channel never rests: a page is drawn when it looks the same
            if (now := page.screenshot(path=path)) == before:
                break
            before = now
        sys.stdout.write(f"{path}\n")


def _own_projects(album: Album) -> None:
    projects: list[tuple[Callable[[Path], None], dict[str, str]]] = [
        (examples_in, {"sign-in": "/traces", **PAGES}),
        (large_in, LARGE),
        (empty_in, EMPTY),
    ]
    for fill, places in projects:
        is_busy = fill is examples_in
        if not is_busy and not any(map(album.wants, places)):
            continue
        with ExitStack() as project:
            beside = Path(project.enter_context(tempfile.TemporaryDirectory(prefix="motia-pictures-")))
            folder = beside / "shop"
            folder.mkdir()
            runtime = Path(project.enter_context(tempfile.TemporaryDirectory(prefix="mt")))
            (runtime / "motia").mkdir(mode=0o700)
            fill(folder)
            address = project.enter_context(served(folder, runtime))
            if is_busy:
                traffic(*address.split("/#token="))
                album.add(address, {**places, **things(*address.split("/#token="))}, PRESSED)
            else:
                album.add(address, places)


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
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        stack.callback(browser.close)
        album = Album(browser, given.folder, only=given.only, themes=given.theme or ["light", "dark"])
        if given.address is None:
            _own_projects(album)
        else:
            album.add(given.address, {**PAGES, **things(*given.address.split("/#token="))})
        for line in album.told:
            sys.stderr.write(f"the page said: {line}\n")


if __name__ == "__main__":
    main()
