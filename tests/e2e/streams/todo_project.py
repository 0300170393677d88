"""A project with one stream and a route for everything that a step can do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from real_process import Project, Running

STREAM = """
config = {
    "name": "todo",
    "schema": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "text": {"type": "string"}},
        "required": ["text"],
    },
    "baseConfig": {"storageType": "default"},
}
"""

STEPS = {
    "put": """
config = {"name": "Put", "triggers": [http("PUT", "/todo/:group/:id")]}
async def handler(request, ctx):
    at = request.path_params
    return await ctx.streams.todo.set(at["group"], at["id"], request.body)
""",
    "delete": """
config = {"name": "Delete", "triggers": [http("DELETE", "/todo/:group/:id")]}
async def handler(request, ctx):
    at = request.path_params
    return {"deleted": await ctx.streams.todo.delete(at["group"], at["id"])}
""",
    "hurry": """
config = {"name": "Hurry", "triggers": [http("POST", "/todo/:group/:id/hurry")]}
async def handler(request, ctx):
    at = request.path_params
    async with ctx.atomic():
        for number in range(request.body["times"]):
            await ctx.streams.todo.set(at["group"], at["id"], {"text": str(number)})
    return {"times": request.body["times"]}
""",
    "send": """
config = {"name": "Send", "triggers": [http("POST", "/todo/:group/:id/send")]}
async def handler(request, ctx):
    at = request.path_params
    await ctx.streams.todo.send({"groupId": at["group"], "id": at["id"]}, request.body)
    return {"sent": True}
""",
    "die": """
import os, signal
config = {"name": "Die", "triggers": [http("POST", "/die")]}
async def handler(request, ctx):
    os.kill(os.getpid(), signal.SIGKILL)
""",
}


def write_todo_project(project: Project) -> None:
    """Put the stream and its steps into the project's folder."""
    for name, source in STEPS.items():
        project.step(name, source)
    (project.folder / "steps" / "todo_stream.py").write_text(STREAM)


_CONSOLE = re.compile(r"Workbench\s+http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class TodoApp:
    """The project, running."""

    running: Running
    base: str

    @property
    def socket(self) -> str:
        """Where WebSocket clients connect."""
        return self.base.replace("http", "ws", 1)

    @property
    def console_socket(self) -> str:
        """Where they may connect too while the app is developed."""
        found = _CONSOLE.search(self.running.text)
        assert found is not None, self.running.text
        return f"ws://127.0.0.1:{found[1]}"

    def call(self, method: str, group: str, path: str, body: object = None) -> None:
        """Ask one of the project's routes to do something."""
        url = f"{self.base}/todo/{quote(group, safe='')}/{path}"
        httpx.request(method, url, json=body).raise_for_status()
