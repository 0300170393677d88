"""The tutorial's chapter "watch it in the Workbench": from a request to its trace, its logs and its state."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from workbench_pages import Endpoints, Flow, Logs, States, Traces, Workbench

ORDER = {
    "customerId": "ada",
    "items": [{"productId": "p1", "quantity": 2, "price": 3.5}],
    "paymentMethod": "paypal",
}


def test_a_request_is_followed_through_the_whole_console(workbench: Workbench) -> None:
    page = workbench.page
    expect(workbench.live).to_be_attached()
    assert "token" not in page.url

    flow = Flow(workbench)
    flow.choose("orders")
    expect(flow.node("process-order")).to_be_visible()
    flow.node("process-order").click()
    panel = flow.panel("process-order")
    expect(panel.get_by_text("/orders", exact=True)).to_be_visible()
    panel.get_by_role("tab", name="Source").click()
    expect(panel.get_by_text("async def process_order")).to_be_visible()

    workbench.go("Endpoints")
    endpoints = Endpoints(workbench)
    endpoints.choose("POST", "/orders")
    endpoints.write_body(ORDER)
    response = endpoints.send()
    expect(response.get_by_text("200", exact=True)).to_be_visible()
    order_id = re.search(r"order_\w+", response.inner_text())
    assert order_id is not None
    response.get_by_role("link", name="Open the trace").click()

    traces = Traces(workbench)
    for step in ("process-order", "validate-inventory", "process-payment", "create-shipping-label"):
        expect(traces.span(step)).to_be_visible()
    traces.span("process-payment").click()
    expect(page.get_by_role("heading", name="process-payment")).to_be_visible()
    page.get_by_role("tab", name=re.compile("^Logs")).click()
    expect(page.get_by_text("paid", exact=True)).to_be_visible()
    trace_url = page.url

    workbench.go("Logs")
    line = Logs(workbench).lines.filter(has_text=order_id[0]).filter(has_text="shipped")
    line.hover()
    line.get_by_role("link", name="Trace").click()
    expect(page).to_have_url(re.compile(re.escape(trace_url.split("?")[0])))

    workbench.open(f"/states?scope=orders&key={order_id[0]}")
    expect(page.get_by_role("complementary", name=order_id[0]).get_by_text('"shipped"')).to_be_visible()
    expect(States(workbench).keys.filter(has_text=order_id[0])).to_be_visible()


def test_the_graph_shows_what_runs_while_it_runs(workbench: Workbench) -> None:
    flow = Flow(workbench)
    flow.choose("users")
    expect(flow.node("send-welcome-email")).to_be_visible()
    expect(workbench.live).to_be_attached()
    answer = workbench.page.request.post(
        f"{workbench.url}/users",
        data={"name": "Ada", "email": "ada@example.org"},
        headers={"origin": workbench.url},
    )
    assert answer.ok, answer.text()
    # Counted live, on edges that were there before.
    expect(flow.node("send-welcome-email")).to_contain_text("1")
    edges = workbench.page.locator(".react-flow__edge")
    expect(edges).to_have_count(2)
    not_declared = workbench.page.get_by_text("seen in traffic, not declared")
    expect(not_declared).not_to_be_visible()

    flow.choose("parcels")
    expect(flow.node("bring-parcel")).to_be_visible()
    answer = workbench.page.request.post(f"{workbench.url}/parcels", headers={"origin": workbench.url})
    assert answer.ok, answer.text()
    # Edges that no step declares put what was a grid into one row: it is in sight, whole.
    expect(edges).to_have_count(3)
    expect(not_declared).to_be_visible()
    for name in ("take", "sort", "load", "bring"):
        expect(flow.node(f"{name}-parcel")).to_be_in_viewport(ratio=0.98)
