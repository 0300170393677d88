"""Every page in both themes: nothing that keeps people out, no broken policy, no call to the outside."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from playwright.sync_api import expect
from prerequisites import installed_packages
from workbench_pages import PAGES, Workbench

from conftest import BUILT, SOURCES, Console

AXE = "node_modules/axe-core/axe.min.js"
FIRST_LOAD_KIB = 130
LATER_KIB = 120
"""What the page itself loads, and one script that it loads when it is needed: packed."""
GRAVE = ("serious", "critical")
_ORDER = {
    "customerId": "ada",
    "items": [{"productId": "p1", "quantity": 2, "price": 3.5}],
    "paymentMethod": "paypal",
}


def grave_violations(workbench: Workbench) -> list[str]:
    found: list[dict[str, Any]] = workbench.page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.fixture
def axe(themed: Workbench) -> Workbench:
    script = (installed_packages(SOURCES) / AXE).read_text()
    themed.page.add_init_script(script)
    return themed


@pytest.mark.proof
def test_no_page_keeps_anybody_out(axe: Workbench, shop: Console) -> None:
    with shop.client() as client:
        answer = client.post("/orders", json=_ORDER)
        assert answer.status_code == 200, answer.text
        trace_id = answer.headers["x-trace-id"]
    problems: dict[str, list[str]] = {}
    places = [f"/{name.lower()}" for name in PAGES]
    places += [
        f"/traces/{trace_id}",
        "/flow/orders?node=step:process-payment",
        "/flow/orders?node=step:process-payment&tab=source",
        "/flow/orders?view=list",
        "/queues?step=refuse&topic=refuse&tab=send",
        "/no/such/page",
    ]
    for place in places:
        axe.open(place)
        expect(axe.sidebar).to_be_visible()
        expect(axe.page.get_by_role("main").get_by_text("Loading")).to_have_count(0)
        if found := grave_violations(axe):
            problems[place] = found
    assert problems == {}


def test_no_page_breaks_the_policy_or_speaks_to_the_outside(workbench: Workbench, shop: Console) -> None:
    page = workbench.page
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda line: told.append(line.text) if line.type in ("error", "warning") else None)
    page.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        workbench.go(name)
        expect(page.get_by_role("main").get_by_text("Loading")).to_have_count(0)
    assert told == []
    assert [url for url in asked if not url.startswith((shop.url, "blob:", "data:"))] == []


def test_the_page_is_light(built_console: None) -> None:
    scripts = [path for path in BUILT.parent.iterdir() if path.suffix in (".js", ".css")]
    weights_kib = {path.name: len(gzip.compress(path.read_bytes())) / 1024 for path in scripts}
    page = BUILT.read_text()
    assert sum(weight for name, weight in weights_kib.items() if name in page) < FIRST_LOAD_KIB
    assert {name: weight for name, weight in weights_kib.items() if weight > LATER_KIB} == {}


def test_nothing_of_a_payload_becomes_html(workbench: Workbench, shop: Console) -> None:
    attack = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
    with shop.client() as client:
        client.put("/__motia/states/attack/key", json={"value": {"text": attack}}).raise_for_status()
        order = {**_ORDER, "customerId": attack}
        answer = client.post("/orders", json=order)
    workbench.open("/states?scope=attack&key=key")
    expect(workbench.page.get_by_role("complementary", name="key").get_by_text("onerror")).to_be_visible()
    workbench.open(f"/traces/{answer.headers['x-trace-id']}")
    expect(workbench.page.get_by_role("region", name="Input").get_by_text("onerror")).to_be_visible()
    assert workbench.page.locator("main img").count() == 0
    assert "broken" not in workbench.page.title()
