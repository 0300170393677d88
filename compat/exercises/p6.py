"""P6: all five triggers of 1.x, conditions, match, stream objects, server-sent events."""

from __future__ import annotations

import json

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /todo → 200 item")
def create(app: Application) -> None:
    todo = app.ask("POST", "/todo", {"description": "a"}, status=200)
    assert todo["description"] == "a"
    app.kept["todo"] = todo["id"]


@LINES.add("PUT /todo/:id {checked: true} → 200 with completedAt")
def check(app: Application) -> None:
    assert "completedAt" in app.ask("PUT", f"/todo/{app.kept['todo']}", {"checked": True}, status=200)


@LINES.add("PUT {} → 400")
def nothing(app: Application) -> None:
    app.ask("PUT", f"/todo/{app.kept['todo']}", {}, status=(400, 422))


@LINES.add("PUT unknown → 404")
def unknown(app: Application) -> None:
    app.ask("PUT", "/todo/none", {"checked": True}, status=404)


@LINES.add("following the stream todo/inbox counts who watches, leaving counts down")
def watching(app: Application) -> None:
    def count() -> int:
        with app.following() as other:
            data = other.join("inbox", "watching", "inbox").get("data")
            return int((data or {"watching": 0})["watching"])

    with app.following() as follower:
        assert follower.join("todo", "inbox")["type"] == "sync"
        eventually(lambda: count() == 1)
        with app.following() as second:
            second.join("todo", "inbox")
            eventually(lambda: count() == 2)
    eventually(lambda: count() == 0)


@LINES.add("DELETE /todo/:id → 200")
def delete(app: Application) -> None:
    app.ask("DELETE", f"/todo/{app.kept['todo']}", status=200)


@LINES.add("POST /orders/manual verified → 200, and an item in group orders")
def order(app: Application) -> None:
    body = {"user": {"verified": True}, "amount": 5, "description": "x"}
    answer = app.ask("POST", "/orders/manual", body, status=200)
    assert answer["processedBy"] == "manual-api"
    assert answer["orderId"] in app.state("orders")


@LINES.add("POST /orders/manual unverified: the handler does not run")
def unverified(app: Application) -> None:
    before = len(app.state("orders"))
    body = {"user": {"verified": False}, "amount": 5, "description": "x"}
    app.ask("POST", "/orders/manual", body, status=(403, 404, 409, 422))
    assert len(app.state("orders")) == before
    assert not app.logs("MultiTriggerExample", '"verified": false')


@LINES.add("POST /api/parallel-merge → three steps in state, joined exactly once")
def merge(app: Application) -> None:
    app.ask("POST", "/api/parallel-merge", {"totalSteps": 3}, status=200)

    def merged() -> bool:
        (found,) = app.state("users").values()
        return found["completedSteps"] == 3 and set(found["steps"]) == {"0", "1", "2"}

    eventually(merged)
    eventually(lambda: app.logs("parallel-merge-join", "Total # of steps: 3"))
    assert len(app.logs("parallel-merge-join", "Total # of steps: 3")) == 1


@LINES.add("POST /api/stream-parallel-merge likewise on the stream, by enqueue and by update")
def stream_merge(app: Application) -> None:
    step = "stream-parallel-merge-join"
    for count, by_queue in enumerate((True, False), 1):
        body = {"totalSteps": 3, "useEnqueue": by_queue}
        trace = app.ask("POST", "/api/stream-parallel-merge", body, status=200)["traceId"]
        eventually(lambda trace=trace: app.logs(step, f"Trace ID: {trace}"))  # type: ignore[misc]  # bound now
        with app.following() as follower:
            item = follower.join("parallelMerge", "merge-groups", trace)["data"]
            assert item["completedSteps"] == 3
        assert len(app.logs(step, "Total # of steps: 3")) == count


@LINES.add("POST /sse → text/event-stream with items and one done")
def sse(app: Application) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    with app.http.stream("POST", "/sse", content="a=1&b=2", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join(answer.iter_text())
    items, done = text.count("event: item"), text.split("event: done\ndata: ")[1:]
    assert items >= 5
    assert [json.loads(one)["total"] for one in done] == [items]


@LINES.add("GET /hello and /dotenv-check → 200")
def hello(app: Application) -> None:
    app.ask("GET", "/hello", status=200)
    eventually(lambda: app.state("greetings"))
    assert {"greetingPrefix", "appName", "hasSecretKey"} == app.ask("GET", "/dotenv-check", status=200).keys()


@LINES.add("the cron of 5 fields runs each minute; those of 7 fields are taken")
def crons(app: Application) -> None:
    listed = app.run("cron", "list", "--json")
    assert "* * * * *" in listed
    assert "0 0/5 * * * * *" in listed
    eventually(lambda: app.logs("MultiTriggerExample", "Scheduled batch processing complete"), 70)
