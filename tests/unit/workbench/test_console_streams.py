from __future__ import annotations

from desk import Desk, Project
from test_console_live import Page

CHAT = """
from pydantic import BaseModel

class Line(BaseModel):
    text: str

config = {"name": "chat", "description": "Lines.", "schema": Line.model_json_schema()}
"""
WATCH = """
config = {"name": "watch", "triggers": [stream("chat")]}

async def handler(change, ctx):
    await ctx.state.set("seen", "last", True)
"""


def test_streams_are_browsed_edited_and_watched(project: Project) -> None:
    project.step("watch", WATCH)
    (project.folder / "steps" / "chat_stream.py").write_text(CHAT)

    async def scenario(desk: Desk) -> None:
        (stream,) = (await desk.get("/streams"))["items"]
        assert (stream["name"], stream["schema"]["required"], stream["access"]) == ("chat", ["text"], False)
        page = Page(desk)
        await page.open(topics="streams")
        item = await desk.send("PUT", "/streams/chat/groups/room%2F1/a", {"data": {"text": "hi"}})
        assert (item["id"], item["data"]["text"]) == ("a", "hi")
        told = await page.until("streams")
        assert told["items"] == [
            {
                "stream": "chat",
                "group_id": "room/1",
                "id": "a",
                "change": "create",
                "version": item["version"],
            }
        ]
        await desk.app.until_idle()
        assert await desk.app.state.get("seen", "last")
        await desk.send("PUT", "/streams/chat/groups/room%2F1/b", {"data": {"text": "ho"}})
        first = await desk.get("/streams/chat/groups/room%2F1", limit=1)
        rest = await desk.get("/streams/chat/groups/room%2F1", limit=1, cursor=first["next"])
        assert [entry["id"] for entry in (*first["items"], *rest["items"])] == ["a", "b"]
        assert (await desk.get("/streams/chat/groups"))["items"] == [{"group_id": "room/1", "items": 2}]
        bad = await desk.ask("PUT", "/streams/chat/groups/room%2F1/a", json={"data": {"text": 5}})
        assert bad.status_code in (400, 422)
        assert (await desk.ask("DELETE", "/streams/chat/groups/room%2F1/a")).status_code == 204
        assert (await desk.ask("DELETE", "/streams/chat/groups/room%2F1/a")).status_code == 404
        assert (await desk.ask("GET", "/streams/nobody/groups")).status_code == 404
        await page.close()

    project.run(scenario)
