"""Page objects: what a person does on each page of the Workbench, in its words."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

PAGES = (
    "Flow",
    "Endpoints",
    "Queues",
    "Cron",
    "Traces",
    "Runs",
    "Logs",
    "Errors",
    "Metrics",
    "States",
    "Streams",
)

# A slow machine is no failure: these are waits for what comes, not measurements.
expect.set_options(timeout=30_000)


class Workbench:
    """The frame around all pages."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    @classmethod
    def opened(cls, page: Page, url: str, token: str) -> Workbench:
        """Opens the address that `motia dev` prints."""
        page.goto(f"{url}/#token={token}")
        workbench = cls(page, url)
        expect(workbench.sidebar).to_be_visible()
        return workbench

    @property
    def sidebar(self) -> Locator:
        return self.page.get_by_role("navigation", name="Workbench")

    @property
    def title(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def live(self) -> Locator:
        return self.sidebar.locator("footer [title=Live]")

    def go(self, name: str) -> None:
        self.sidebar.get_by_role("link", name=re.compile(f"^{name}")).click()
        expect(self.title).to_have_text(name)

    def open(self, path: str) -> None:
        """A deep link, as pasted into the address bar."""
        self.page.goto(self.url + path)

    def toast(self, text: str) -> Locator:
        return self.page.get_by_role("status").get_by_text(text)


class Flow:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    def choose(self, name: str) -> None:
        self.page.get_by_label("Flow", exact=True).select_option(name)

    def node(self, name: str) -> Locator:
        return self.page.get_by_role("group", name=re.compile(f"^{re.escape(name)}, "))

    def panel(self, name: str) -> Locator:
        return self.page.get_by_role("complementary", name=f"Step {name}")


class Endpoints:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    def choose(self, method: str, path: str) -> None:
        self.page.get_by_role("link", name=f"{method} {path}").click()

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.get_by_label(re.compile(rf"^{name}\b")).fill(value)

    def write_body(self, body: Any) -> None:
        self.page.get_by_role("radio", name="JSON").click()
        editor = self.page.get_by_role("textbox", name="Body as JSON")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(json.dumps(body))

    def send(self) -> Locator:
        """Sends, and gives the part with the response."""
        self.page.get_by_role("button", name="Send").click()
        response = self.page.get_by_role("region", name="Response")
        expect(response).to_be_visible()
        return response


class Traces:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    @property
    def rows(self) -> Locator:
        return self.page.get_by_role("group", name="Traces").get_by_role("listitem")

    @property
    def spans(self) -> Locator:
        return self.page.get_by_role("treegrid", name="Waterfall").get_by_role("row")

    def span(self, name: str) -> Locator:
        return self.spans.filter(has=self.page.get_by_text(name, exact=True)).first


class Logs:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    @property
    def lines(self) -> Locator:
        return self.page.get_by_role("group", name="Lines").get_by_role("listitem")


class Runs:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    @property
    def rows(self) -> Locator:
        return self.page.get_by_role("group", name="Runs").get_by_role("listitem")

    def status(self, text: str) -> Locator:
        """The badge of the run that is open."""
        badges = self.page.get_by_role("main").locator("header span")
        return badges.filter(has_text=re.compile(f"^{text}$"))

    def step(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=re.compile("step")).get_by_role("button", name=name)

    def signal(self, data: Any) -> None:
        waits = self.page.get_by_role("region", name="Waits for")
        waits.get_by_role("button", name="Send the signal").click()
        waits.get_by_role("textbox").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(json.dumps(data))
        waits.get_by_role("button", name="Send", exact=True).click()


class Queues:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    def choose(self, step: str) -> None:
        self.page.get_by_role("row").get_by_role("link", name=re.compile(step)).click()

    def figure(self, name: str) -> Locator:
        return self.page.locator("dl div").filter(has=self.page.get_by_text(name, exact=True)).locator("dd")


class States:
    def __init__(self, workbench: Workbench) -> None:
        self.page = workbench.page

    @property
    def keys(self) -> Locator:
        return self.page.get_by_role("group", name="Keys").get_by_role("listitem")

    def write(self, value: Any) -> None:
        self.page.get_by_role("textbox", name="Value as JSON").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(json.dumps(value))

    def save(self) -> None:
        self.page.get_by_role("button", name="Save").click()
