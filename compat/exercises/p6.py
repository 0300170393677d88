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
    from websockets.sync.client import connect

    def count() -> int:
        with connect(f"ws://127.0.0.1:{app.port}") as other:
            join = {"subscriptionId": "2", "streamName": "inbox", "groupId": "watching", "id": "inbox"}
            other.send(json.dumps({"type": "join", "data": join}))
            found = json.loads(other.recv(timeout=5))
            return int((found["event"].get("data") or {"watching": 0})["watching"])

    with connect(f"ws://127.0.0.1:{app.port}") as socket:
        join = {"subscriptionId": "1", "streamName": "todo", "groupId": "inbox"}
        socket.send(json.dumps({"type": "join", "data": join}))
        assert json.loads(socket.recv(timeout=5))["event"]["type"] == "sync"
        eventually(lambda: count() == 1)
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


@LINES.add("POST /api/parallel-merge → three steps, joined exactly once")
def merge(app: Application) -> None:
    app.ask("POST", "/api/parallel-merge", {"totalSteps": 3}, status=200)

    def merged() -> bool:
        (found,) = app.state("users").values()
        return found["completedSteps"] == 3 and set(found["steps"]) == {"0", "1", "2"}

    eventually(merged)
    eventually(lambda: app.output().count("Total # of steps: 3") == 1)


@LINES.add("POST /api/stream-parallel-merge likewise on the stream")
def stream_merge(app: Application) -> None:
    app.ask("POST", "/api/stream-parallel-merge", {"totalSteps": 3}, status=200)
    eventually(lambda: app.output().count("Total # of steps: 3") == 2)


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
    app.ask("GET", "/dotenv-check", status=200)


@LINES.add("cron expressions of 5 and 7 fields are taken")
def crons(app: Application) -> None:
    listed = app.run("cron", "list", "--json")
    assert "* * * * *" in listed
    assert "0 0/5 * * * * *" in listed
