"""P12: a step imports a step; a stream as the database."""

from __future__ import annotations

from application import Application, Lines, kinds

LINES = Lines()


@LINES.add("POST, PUT checked and unchecked, DELETE twice, POST {}; the stream sees all changes in order")
def life(app: Application) -> None:
    with app.following() as follower:
        assert follower.join("todo", "inbox")["data"] == []
        made = app.ask("POST", "/todo", {"description": "x"}, status=200)
        path = f"/todo/{made['id']}"
        assert app.ask("PUT", path, {"checked": True}, status=200)["completedAt"]
        assert "completedAt" not in app.ask("PUT", path, {"checked": False}, status=200)
        assert app.ask("DELETE", path, status=200) == {"id": made["id"]}
        app.ask("DELETE", path, status=404)
        app.ask("POST", "/todo", {}, status=(400, 422))
        follower.until(lambda events: len(events) == 5)
        assert kinds(follower.events) == ["sync", "create", "update", "update", "delete"]
