"""P7: Python alone: sync handlers, helpers, conditions, state and stream triggers."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("GET /greet?name=Ana → 200")
def greet(app: Application) -> None:
    assert app.ask("GET", "/greet?name=Ana", status=200) == {"name": "Ana", "message": "Hello, Ana!"}
    assert app.ask("GET", "/greet", status=200)["name"] == "world"


@LINES.add("greetings: list, summary before :name, read, delete, 404")
def greetings(app: Application) -> None:
    app.ask("GET", "/greetings", status=200)
    assert "count" in app.ask("GET", "/greetings/summary", status=200)
    app.ask("GET", "/greetings/Ana", status=200)
    assert app.ask("DELETE", "/greetings/Ana", status=204) == ""
    assert "error" in app.ask("GET", "/greetings/Ana", status=404)


@LINES.add("GET /test/api/1, POST /2, PUT /3 → 200")
def several(app: Application) -> None:
    for method, number in (("GET", 1), ("POST", 2), ("PUT", 3)):
        app.ask(method, f"/test/api/{number}", None if method == "GET" else {}, status=200)


@LINES.add("POST /test/dual → 200")
def dual(app: Application) -> None:
    app.ask("POST", "/test/dual", {}, status=200)


@LINES.add("POST /users/u1/status → the state trigger tells old and new")
def status(app: Application) -> None:
    app.ask("POST", "/users/u1/status", {"status": "busy"}, status=200)
    eventually(lambda: "busy" in app.output())


@LINES.add("POST and PUT /todo: 200, 404 unknown, 400 without an id")
def todo(app: Application) -> None:
    made = app.ask("POST", "/todo", {"description": "a"}, status=200)
    app.ask("PUT", "/todo", {"todo_id": made["id"], "checked": True}, status=200)
    app.ask("PUT", "/todo", {"todo_id": "none", "checked": True}, status=404)
    app.ask("PUT", "/todo", {"checked": True}, status=(400, 422))


@LINES.add("POST /todos → the stream trigger logs a create")
def todos(app: Application) -> None:
    app.ask("POST", "/todos", {"title": "a", "description": "b"}, status=(200, 201))
    eventually(lambda: "create" in app.output())


@LINES.add("POST /orders → a chain of two queue steps in one trace")
def orders(app: Application) -> None:
    app.ask("POST", "/orders", {"description": "a lamp", "amount": 5}, status=(200, 201, 202))
