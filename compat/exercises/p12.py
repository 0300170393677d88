"""P12: a step imports a step; a stream as the database."""

from __future__ import annotations

import json

from application import Application, Lines

LINES = Lines()


@LINES.add("POST, PUT checked and unchecked, DELETE twice, POST {}; the stream sees all changes in order")
def life(app: Application) -> None:
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{app.port}") as socket:
        join = {"subscriptionId": "1", "streamName": "todo", "groupId": "inbox"}
        socket.send(json.dumps({"type": "join", "data": join}))
        assert json.loads(socket.recv(timeout=5))["event"]["type"] == "sync"
        made = app.ask("POST", "/todo", {"description": "x"}, status=200)
        path = f"/todo/{made['id']}"
        assert "completedAt" in app.ask("PUT", path, {"checked": True}, status=200)
        assert app.ask("PUT", path, {"checked": False}, status=200).get("completedAt") is None
        assert app.ask("DELETE", path, status=200)["id"] == made["id"]
        app.ask("DELETE", path, status=404)
        app.ask("POST", "/todo", {}, status=(400, 422))
        seen = [json.loads(socket.recv(timeout=5))["event"]["type"] for _ in range(4)]
        assert seen == ["create", "update", "update", "delete"]
