"""What an operator does: mends and sends dead letters again, edits state, runs a cron, goes by keyboard."""

from __future__ import annotations

import os
import re
import signal

from playwright.sync_api import Route, expect
from workbench_pages import Flow, Queues, Runs, States, Traces, Workbench

from conftest import Console


def test_a_dead_letter_is_mended_and_sent_again(workbench: Workbench) -> None:
    page = workbench.page
    workbench.open("/queues?topic=refuse&step=refuse&tab=send")
    page.get_by_label(re.compile("^amount")).fill("5")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Sent to 1 queue.")).to_be_visible()
    queues = Queues(workbench)
    expect(queues.figure("Dead")).to_have_text("1")
    page.get_by_role("tab", name=re.compile("^Dead letters")).click()
    page.get_by_role("button", name="Redrive", exact=True).first.click()
    question = page.get_by_role("dialog", name="Redrive dead letters")
    expect(question).to_contain_text("Would redrive 1 letter; every payload fits")
    question.get_by_label("At most").fill("0")
    expect(question.get_by_role("button", name="Redrive 1")).to_be_disabled()
    question.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name='{"amount":5}').click()
    editor = page.get_by_role("textbox", name="Payload as JSON")
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text('{"amount": 0}')
    page.get_by_role("button", name="Redrive as edited").click()
    expect(workbench.toast("Sent again.")).to_be_visible()
    expect(queues.figure("Dead")).to_have_text("0")
    expect(page.get_by_text("No dead letters")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    workbench.go("Errors")
    page.get_by_role("link", name="# is too much").click()
    expect(page.get_by_role("region", name="Stack of the last one").get_by_text("ValueError")).to_be_visible()


def test_what_was_retried_and_went_well_has_not_failed(workbench: Workbench, shop: Console) -> None:
    page = workbench.page
    workbench.open("/traces?step=stumble&status=retried")
    expect(page.get_by_text("No trace matches these filters")).to_be_visible()
    with shop.client() as client:
        client.post("/__motia/steps/stumble/trigger", json={"data": {}}).raise_for_status()
    traces = Traces(workbench)
    expect(traces.rows).to_have_count(1)
    expect(traces.rows.first).to_contain_text("retried 1 ×")
    traces.rows.first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="stumble", level=2).first).to_be_visible()
    expect(page.get_by_role("main").locator("header").get_by_text("retried 1 ×")).to_be_visible()
    expect(traces.spans.filter(has_text="stumble").first).to_contain_text("Failed")
    workbench.open("/traces?step=stumble&status=failed")
    expect(page.get_by_text("No trace matches these filters")).to_be_visible()
    workbench.go("Metrics")
    row = page.get_by_role("row").filter(has_text="stumble")
    expect(row.get_by_role("cell").nth(3)).to_have_text("1")
    expect(row.get_by_role("cell").nth(4)).to_have_text("0 (0 %)")


def test_a_run_waits_is_let_go_on_and_another_is_cancelled(workbench: Workbench, shop: Console) -> None:
    page = workbench.page
    runs = Runs(workbench)
    with shop.client() as client:
        for present in ("ring", "book"):
            sent = client.post("/__motia/topics/gift.asked/messages", json={"data": {"present": present}})
            sent.raise_for_status()
    workbench.go("Runs")
    expect(runs.rows).to_have_count(2)
    runs.rows.last.click()
    expect(runs.status("Waiting")).to_be_visible()
    expect(runs.step("wrap")).to_contain_text('{"wrapped":"ring"}')
    runs.signal({"by": "Ada"})
    question = page.get_by_role("region", name="Waits for")
    expect(question.get_by_role("button", name="Copy the signed link")).to_be_visible()
    with shop.client() as client:
        path = page.url.removeprefix(shop.url)
        (asked,) = client.get(f"/__motia{path.partition('?')[0]}").json()["approvals"]
    # The port that is listened on, which no setting says.
    assert asked["url"] == shop.api + asked["path"]
    question.get_by_role("textbox", name=re.compile("^ribbon")).fill("red")
    question.get_by_role("button", name="Answer").click()
    expect(runs.status("Completed")).to_be_visible()
    expect(page.get_by_role("region", name="Output").get_by_text("given by Ada in red")).to_be_visible()

    runs.rows.first.click()
    expect(runs.step("wrap")).to_contain_text('{"wrapped":"book"}')
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(runs.status("Cancelled")).to_be_visible()
    page.get_by_label("Status").select_option("cancelled")
    expect(runs.rows).to_have_count(1)
    runs.step("wrap").first.click()
    expect(page.get_by_label("Input").first).to_contain_text("book")
    page.get_by_role("button", name="Retry from here").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(runs.status("Waiting")).to_be_visible()


def test_a_value_is_made_edited_and_deleted(workbench: Workbench) -> None:
    page = workbench.page
    states = States(workbench)
    workbench.go("States")
    page.get_by_role("button", name="New value").click()
    page.get_by_label("Scope", exact=True).fill("settings")
    page.get_by_label("Key", exact=True).last.fill("limits")
    states.write({"most": 3})
    states.save()
    expect(workbench.toast("Saved.")).to_be_visible()
    panel = page.get_by_role("complementary", name="limits")
    expect(panel.get_by_text("settings · version")).to_be_visible()
    states.write({"most": 4})
    states.save()
    expect(states.keys.filter(has_text='{"most":4}')).to_be_visible()
    panel.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(workbench.toast("limits deleted.")).to_be_visible()


def test_a_cron_runs_now_and_its_trace_is_there(workbench: Workbench) -> None:
    workbench.open("/cron?step=daily-summary-report")
    workbench.page.get_by_role("button", name="Run now").click()
    workbench.page.get_by_role("link", name="Open the trace").click()
    expect(Traces(workbench).span("daily-summary-report")).to_be_visible()


def test_the_keyboard_goes_everywhere(workbench: Workbench) -> None:
    page = workbench.page
    expect(workbench.title).to_have_text("Flow")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(workbench.title).to_have_text("Traces")
    page.keyboard.press("/")
    expect(page.get_by_label("Name, error or trace id")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("ControlOrMeta+k")
    expect(page.get_by_placeholder(re.compile("^A step, endpoint"))).to_be_focused()
    page.keyboard.type("process-pay")
    page.keyboard.press("Enter")
    expect(Flow(workbench).panel("process-payment")).to_be_visible()
    page.keyboard.press("Escape")
    expect(Flow(workbench).panel("process-payment")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_what_is_found_late_is_chosen_before_the_search_of_the_logs(workbench: Workbench) -> None:
    page = workbench.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/__motia/steps", hold)
    page.reload()
    expect(workbench.sidebar).to_be_visible()
    page.keyboard.press("ControlOrMeta+k")
    expect(page.get_by_placeholder(re.compile("^A step, endpoint"))).to_be_focused()
    page.keyboard.type("process-pay")
    for route in held:
        route.continue_()
    page.unroute("**/__motia/steps", hold)
    found = page.get_by_role("dialog").get_by_role("option")
    expect(found.last).to_have_text("Lines with “process-pay”")
    expect(found.first).to_contain_text("process-payment")
    expect(found.first).to_have_attribute("aria-selected", "true")


def test_a_node_that_dies_is_told_and_the_page_goes_on(workbench: Workbench, shop: Console) -> None:
    expect(workbench.live).to_be_attached()
    for node in shop.running.nodes():
        os.kill(node, signal.SIGKILL)
    expect(workbench.toast("motia restarted.")).to_be_visible(timeout=45_000)
    workbench.go("Queues")
    expect(workbench.page.get_by_role("row").filter(has_text="process-payment")).to_be_visible()
