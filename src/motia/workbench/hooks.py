"""Everything a plugin of the Workbench may know: the one file whose names are kept stable for it.

A plugin is a Python module, or a folder of the project with a `plugin.py`, that has a `plugin`:

    plugin = Plugin(name="stock", label="Stock", page=Path(__file__).parent / "page", routes=routes)

The project names it in its settings, `workbench.plugins = ["plugins/stock"]`. It is code of the project and
may do what the project may: nothing it does is checked but who asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class PluginApp(Protocol):
    """The running project as a plugin sees it. All methods are called on the node's event loop."""

    project_dir: Path

    async def state_get(self, scope: str, key: str) -> Any:
        """The value of a key, or None."""
        ...

    async def state_entries(self, scope: str) -> dict[str, Any]:
        """All keys of a scope and their values."""
        ...

    async def emit(self, topic: str, data: Any) -> str:
        """Put a message on a topic, in a trace of its own; the id of that trace."""
        ...

    async def call(self, step: str, data: Any) -> Any:
        """Run a step and wait. Failure: what the step raised, as `HandlerError`."""
        ...

    def log(self, message: str, **fields: Any) -> None:
        """A line of the step `motia`."""
        ...


@dataclass(frozen=True, slots=True)
class PluginRequest:
    """A request to a plugin's route; whoever sent it may use the console."""

    params: Mapping[str, str]
    """Values of the pattern's `:names`, decoded."""
    query: Mapping[str, str]
    body: Any
    """The JSON of the body; None without one."""


PluginHandler = Callable[[PluginRequest], Awaitable[Any]]
"""Gives what can be written as JSON; None answers 204. A `MotiaError` is answered as a problem."""


def no_routes(app: PluginApp) -> Mapping[str, PluginHandler]:
    """A plugin that has only a page."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A tab of the Workbench and the routes its page asks."""

    name: str
    """In addresses: small letters, digits and dashes."""
    label: str
    page: Path
    """A folder with `index.html` and what it needs; scripts in files of their own, none inline."""
    icon: str = "puzzle"
    """A name of lucide.dev."""
    routes: Callable[[PluginApp], Mapping[str, PluginHandler]] = field(default=no_routes)
    """Called once a node: `{"GET /items": …, "POST /items/:id": …}`, below `/__motia/plugins/<name>/api`."""
