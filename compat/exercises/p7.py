"""P7: Python alone: sync handlers, helpers, conditions, state and stream triggers."""

from __future__ import annotations

import datetime

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("GET /greet?name=Ana → 200; GET /greet → world")
def greet(app: Application) -> None:
    assert app.ask("GET", "/greet?name=Ana", status=200) == {"name": "Ana", "message": "Hello, Ana!"}
    assert app.ask("GET", "/greet", status=200) == {"name": "world", "message": "Hello, world!"}


@LINES.add("greetings: the list, the summary (before :name), one, DELETE → 204 empty, then 404")
def greetings(app: Application) -> None:
    listed = app.ask("GET", "/greetings", status=200)["greetings"]
    assert {one["name"] for one in listed} == {"Ana", "world"}
    assert app.ask("GET", "/greetings/summary", status=200)["count"] == 2
    assert app.ask("GET", "/greetings/Ana", status=200)["message"] == "Hello, Ana!"
    assert app.ask("DELETE", "/greetings/Ana", status=204) == ""
    assert "error" in app.ask("GET", "/greetings/Ana", status=404)


@LINES.add("GET /test/api/1, POST /2, PUT /3 → 200")
def several(app: Application) -> None:
    for method, number in (("GET", 1), ("POST", 2), ("PUT", 3)):
        app.ask(method, f"/test/api/{number}", None if method == "GET" else {}, status=200)


@LINES.add("POST /test/dual → 200; by its topic the other branch runs")
def dual(app: Application) -> None:
    assert "API" in app.ask("POST", "/test/dual", {}, status=200)["message"]
    app.run("emit", "test.dual", '{"n": 1}')
    eventually(lambda: app.logs("DualTrigger", "fired (queue)"))


@LINES.add("POST /test/triple → by the hour of the condition")
def triple(app: Application) -> None:
    open_ = 9 <= datetime.datetime.now().hour < 17
    app.ask("POST", "/test/triple", {}, status=200 if open_ else (403, 404, 409, 422))


@LINES.add("POST /users/u1/status → the state trigger logs old and new, and enqueues")
def status(app: Application) -> None:
    for now in ("busy", "away"):
        app.ask("POST", "/users/u1/status", {"status": now}, status=200)
        eventually(lambda now=now: _change(app, now))  # type: ignore[misc]  # bound now
    assert _change(app, "away")["data"]["old_value"] == {"status": "busy"}
    assert "user.status.changed" in app.output()  # enqueued, although no step subscribes


def _change(app: Application, now: str) -> dict[str, dict[str, object]]:
    found = app.logs("on-user-state-change", "User state changed")
    return next((line for line in found if line["data"]["new_value"] == {"status": now}), {})


@LINES.add("POST and PUT /todo → 200; unknown → 404; without an id → 400")
def todo(app: Application) -> None:
    made = app.ask("POST", "/todo", {"description": "a"}, status=200)
    changed = app.ask("PUT", "/todo", {"todo_id": made["id"], "checked": True}, status=200)
    assert changed["description"] == "a"
    app.ask("PUT", "/todo", {"todo_id": "none", "checked": True}, status=404)
    app.ask("PUT", "/todo", {"checked": True}, status=400)


@LINES.add("POST /todos → the stream trigger logs the creation")
def todos(app: Application) -> None:
    made = app.ask("POST", "/todos", {"description": "b"}, status=201)
    eventually(lambda: app.logs("on-todo-stream-event", f"New todo created: {made['id']}"))


@LINES.add("POST /orders → the queue steps of its topic run in its trace")
def orders(app: Application) -> None:
    # The second step of the chain looks for its order below a key that enqueue() does not add, there as
    # here; so the chain is its first step, and a step with a condition beside it.
    made = app.ask("POST", "/orders", {"description": "a lamp", "amount": 2000}, status=201)
    trace = made["trace_id"]
    expected = {"CreateOrder", "ProcessOrder", "SingleConditionTest"}
    eventually(lambda: expected <= set(app.runs(trace)))
    eventually(lambda: app.logs("SingleConditionTest", "Processing high-value order", trace))
    assert app.logs("ProcessOrder", "Processing order", trace)


@LINES.add("POST /sse → items one by one, and one done with their number")
def sse(app: Application) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    with app.http.stream("POST", "/sse", content="a=1&b=2", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join(answer.iter_text())
    items = text.count("event: item")
    assert items >= 5
    assert text.split("event: done\ndata: ")[1:] == [f'{{"total": {items}}}\n\n']
