"""P8: state and a stream together, labels, query parameters, PATCH, a config with a plugin of its own."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /todos → 201 medium and pending; GET by status; an unknown status → all")
def create(app: Application) -> None:
    made = app.ask("POST", "/todos", {"title": "a"}, status=201)
    todo = made.get("todo", made)
    assert (todo["priority"], todo["status"]) == ("medium", "pending")
    app.kept["id"] = todo["id"]
    assert app.ask("GET", "/todos?status=pending", status=200)["count"] == 1
    assert app.ask("GET", "/todos?status=nonsense", status=200)["count"] == 1


@LINES.add("PATCH completed → 200 with completedAt, and the workflow's logs")
def complete(app: Application) -> None:
    answer = app.ask("PATCH", f"/todos/{app.kept['id']}", {"status": "completed"}, status=200)
    assert answer.get("todo", answer)["completedAt"]
    for step in ("TodoCompletedWorkflow", "AchievementHandler", "NotificationSentLogger"):
        eventually(lambda step=step: step in app.output().split("steps, ")[1].split("warning")[-1])  # type: ignore[misc]  # bound now


@LINES.add("GET /todo-stats; DELETE → 200; GET → 404; POST without a title → 400")
def rest(app: Application) -> None:
    stats = app.ask("GET", "/todo-stats", status=200)
    stats = stats.get("stats", stats)
    assert (stats["total"], stats["completed"]) == (1, 1)
    assert app.ask("DELETE", f"/todos/{app.kept['id']}", status=200)["success"] is True
    app.ask("GET", f"/todos/{app.kept['id']}", status=404)
    app.ask("POST", "/todos", {"title": ""}, status=(400, 422))
