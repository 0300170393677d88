"""P8: state and a stream together, labels, query parameters, PATCH, a config with a plugin of its own."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /todos → 201 medium and pending, and the stream gets it")
def create(app: Application) -> None:
    with app.following() as follower:
        assert follower.join("todo", "all-todos")["data"] == []
        todo = app.ask("POST", "/todos", {"title": "a"}, status=201)
        assert (todo["priority"], todo["status"]) == ("medium", "pending")
        told = follower.next()
        assert (told["type"], told["data"]["id"]) == ("create", todo["id"])
        app.kept["id"] = todo["id"]


@LINES.add("GET /todos by status → 1; an unknown status → all")
def by_status(app: Application) -> None:
    assert app.ask("GET", "/todos?status=pending", status=200)["count"] == 1
    assert app.ask("GET", "/todos?status=completed", status=200)["count"] == 0
    assert app.ask("GET", "/todos?status=nonsense", status=200)["count"] == 1


@LINES.add("PATCH completed → 200 with completedAt; workflow, achievement and notification follow")
def complete(app: Application) -> None:
    path = f"/todos/{app.kept['id']}"
    assert app.ask("PATCH", path, {"status": "completed"}, status=200)["completedAt"]
    for step in ("TodoCompletedWorkflow", "AchievementHandler", "NotificationSentLogger"):
        eventually(lambda step=step: app.logs(step))  # type: ignore[misc]  # bound now


@LINES.add("GET /todo-stats counts it")
def stats(app: Application) -> None:
    found = app.ask("GET", "/todo-stats", status=200)
    assert (found["total"], found["completed"], found["pending"]) == (1, 1, 0)


@LINES.add("DELETE → 200 with a message, GET → 404; POST without a title → 400")
def delete(app: Application) -> None:
    gone = app.ask("DELETE", f"/todos/{app.kept['id']}", status=200)
    assert gone["success"] is True
    assert gone["message"]
    app.ask("GET", f"/todos/{app.kept['id']}", status=404)
    app.ask("POST", "/todos", {"title": ""}, status=(400, 422))
