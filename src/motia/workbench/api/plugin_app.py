"""The running project as plugins see it."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.calls import EnqueueRequest
from motia.workbench.api.run import send
from motia.workbench.workspace import Workspace


class ProjectForPlugins:
    """`hooks.PluginApp` over a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.project_dir = workspace.settings.project_dir

    async def state_get(self, scope: str, key: str) -> Any:
        workspace = self._workspace
        entry = await workspace.engine.backend.state.get(scope, key, workspace.now_ms())
        return None if entry is None else encoding.decode(entry.value)

    async def state_entries(self, scope: str) -> dict[str, Any]:
        workspace = self._workspace
        entries = await workspace.engine.backend.state.entries(scope, workspace.now_ms())
        return {entry.key: encoding.decode(entry.value) for entry in entries}

    async def emit(self, topic: str, data: Any) -> str:
        sent = await send(self._workspace.engine, EnqueueRequest(data, topic=topic))
        return str(sent["trace_id"])

    async def call(self, step: str, data: Any) -> Any:
        return await self._workspace.engine.call_step(step, data)

    def log(self, message: str, **fields: Any) -> None:
        recorder = self._workspace.engine.recorder
        recorder.log("info", message, step="motia", data=encoding.encode(fields) if fields else None)
