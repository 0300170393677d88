"""P11: groups of a stream, events sent to it, results of delete."""

from __future__ import annotations

import json

from application import Application, Lines

LINES = Lines()


@LINES.add("join, update, leave: answers, and what a follower of the room sees")
def cursors(app: Application) -> None:
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{app.port}") as socket:
        join = {"subscriptionId": "1", "streamName": "cursorPosition", "groupId": "r"}
        socket.send(json.dumps({"type": "join", "data": join}))
        first = app.ask(
            "POST", "/cursor/join", {"roomName": "r", "userId": "u1", "username": "A"}, status=200
        )
        assert first["success"]
        assert (first["cursor"]["id"], first["existingCursors"]) == ("u1", [])
        second = app.ask(
            "POST", "/cursor/join", {"roomName": "r", "userId": "u2", "username": "B"}, status=200
        )
        assert len(second["existingCursors"]) == 1
        app.ask(
            "POST",
            "/cursor/update",
            {"roomName": "r", "userId": "u1", "username": "A", "x": 3, "y": 4},
            status=200,
        )
        app.ask("POST", "/cursor/leave", {"roomName": "r", "userId": "u1", "username": "A"}, status=200)
        kinds: list[str] = []
        while kinds.count("delete") < 1 or "user-left" not in kinds:
            event = json.loads(socket.recv(timeout=5))["event"]
            kinds.append(event["event"]["type"] if event["type"] == "event" else event["type"])
        assert {"create", "user-joined", "update", "delete", "user-left"} <= set(kinds), kinds


@LINES.add("/cursor/clear tells how many; a bad body → 400")
def clear(app: Application) -> None:
    assert "cleared" in str(app.ask("POST", "/cursor/clear", {"roomName": "r"}, status=200))
    app.ask("POST", "/cursor/join", {"roomName": 1}, status=(400, 422))
