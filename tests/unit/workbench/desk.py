"""A project and its console, in the test's own process."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from motia.backends.memory.store import MemoryStore
from motia.core.clock import Clock
from motia.settings import Settings
from motia.testing.app import TestApp
from motia.testing.http import Answer

HOST = "127.0.0.1:3000"
LIMIT_S = 60.0


class Desk:
    """A running project and what a signed-in operator asks its console."""

    def __init__(self, app: TestApp) -> None:
        self.app = app

    @property
    def token(self) -> str:
        return self.app.app.console_secrets.token

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        signed = {"host": HOST, "authorization": f"Bearer {self.token}", **(headers or {})}
        target = path if path.startswith("/__motia") else f"/__motia{path}"
        return await self.app.console.request(method, target, json=json, params=params, headers=signed)

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON of an answer that must be a success."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer
        return answer.json()

    async def send(self, method: str, path: str, json: Any = None) -> Any:
        """The JSON of a change that must succeed; None for 204."""
        answer = await self.ask(method, path, json=json)
        assert answer.status_code in (200, 204), answer
        return answer.json() if answer.content else None


class Project:
    """Step files in a temporary folder, and the way to look at them through the console."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def step(self, name: str, source: str) -> None:
        steps = self.folder / "steps"
        steps.mkdir(exist_ok=True)
        imports = "from __future__ import annotations\nimport asyncio\nfrom motia import *\n"
        (steps / f"{name}_step.py").write_text(imports + textwrap.dedent(source))

    def run(
        self,
        scenario: Callable[[Desk], Awaitable[None]],
        *,
        clock: Clock | None = None,
        store: MemoryStore | None = None,
        **settings: Any,
    ) -> None:
        given = Settings.model_validate({"project_dir": self.folder, "port": 3001, **settings})

        async def main() -> None:
            async with asyncio.timeout(LIMIT_S), TestApp(clock=clock, store=store, settings=given) as app:
                await scenario(Desk(app))

        asyncio.run(main())
