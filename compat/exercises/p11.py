"""P11: groups of a stream, events sent to it, results of delete."""

from __future__ import annotations

from application import Application, Lines, kinds

LINES = Lines()
_A = {"roomName": "r", "userId": "u1", "username": "A"}
_B = {"roomName": "r", "userId": "u2", "username": "B"}


@LINES.add("POST /cursor/join → the cursor and who is there already; followers hear of it")
def join(app: Application) -> None:
    with app.following() as follower:
        follower.join("cursorPosition", "r")
        first = app.ask("POST", "/cursor/join", _A, status=200)
        cursor = first["cursor"]
        assert (first["success"], first["existingCursors"]) == (True, [])
        assert (cursor["id"], cursor["x"], cursor["y"]) == ("u1", 0, 0)
        assert cursor["color"]
        follower.until(lambda events: {"create", "user-joined"} <= set(kinds(events)))
        second = app.ask("POST", "/cursor/join", _B, status=200)
        assert [one["id"] for one in second["existingCursors"]] == ["u1"]


@LINES.add("/cursor/update → followers hear an update; /cursor/leave → a delete and user-left")
def move(app: Application) -> None:
    with app.following() as follower:
        follower.join("cursorPosition", "r")
        app.ask("POST", "/cursor/update", {**_A, "x": 3, "y": 4}, status=200)
        follower.until(lambda events: "update" in kinds(events))
        moved = next(one["data"] for one in follower.events if one["type"] == "update")
        assert (moved["x"], moved["y"]) == (3, 4)
        app.ask("POST", "/cursor/leave", _A, status=200)
        follower.until(lambda events: {"delete", "user-left"} <= set(kinds(events)))


@LINES.add("/cursor/clear tells how many; a bad body → 400")
def clear(app: Application) -> None:
    assert app.ask("POST", "/cursor/clear", {"roomName": "r"}, status=200)["cleared"] == 1
    app.ask("POST", "/cursor/join", {"roomName": 1}, status=(400, 422))
