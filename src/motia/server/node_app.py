"""What the server and the supervisor expect of the application that a node runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from motia.errors import SettingsError
from motia.server.gateway import Gateway
from motia.settings import Settings

DEFAULT_APP = "motia.app:App"


class NodeApp(Protocol):
    """A project, loaded and able to serve. One per node; all methods are called on its event loop."""

    @property
    def gateway(self) -> Gateway | None:
        """Answers requests from `start` until `stop`, also while draining."""
        ...

    async def start(self) -> None:
        """Load the project, open the backend, start the services.

        *Failure*: raises only if nothing at all can be served; a broken step is part of the `banner`.
        """
        ...

    async def drain(self) -> None:
        """Claim nothing more; wait for what runs, at most `settings.drain_s`; release the rest."""
        ...

    async def stop(self) -> None:
        """Stop the services and close the backend. Safe after a failed `start`."""
        ...

    async def reload_workers(self, sockets: Mapping[str, Sequence[str]]) -> None:
        """Serve steps of other languages by the workers at these sockets, by kind, from now on.

        *Failure*: whatever it raises is told; the workers of before go on.
        """
        ...

    def banner(self) -> dict[str, Any]:
        """What to tell the person at the terminal, JSON-able. Plain printing shows the lists of lines in
        `lines` and `notices` (at the first start) and `problems` (after every reload, too).
        """
        ...

    def running(self) -> Mapping[str, Sequence[str]]:
        """Names of the steps being executed now, by language. Called four times a second: must be cheap."""
        ...

    def worn(self) -> str | None:
        """Why this node should be replaced by a fresh one (threads that never came back …), else None."""
        ...

    def node_died(self, pid: int) -> None:
        """Another node on this backend is dead: recover its claims at once."""
        ...


class AppFactory(Protocol):
    """Builds the application; `beat` tells the supervisor at once that the event loop is alive."""

    def __call__(
        self,
        settings: Settings,
        *,
        slot: int = 0,
        beat: Callable[[], None] | None = None,
        worker_sockets: Mapping[str, Sequence[str]] | None = None,
    ) -> NodeApp: ...

    def preload(self) -> None:
        """Import what `NodeApp.start` may need and the factory's own module has not imported."""
        ...


def find_factory(name: str) -> AppFactory:
    """The factory that `module:attribute` names; importing the module is the slow part of a start.

    *Failure*: `SettingsError` when the name is malformed or the attribute missing.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise SettingsError(f"app: expected 'module:attribute', got {name!r}", code="settings.app")
    factory = getattr(importlib.import_module(module_name), attribute, None)
    if factory is None:
        raise SettingsError(
            f"app: expected {attribute!r} in module {module_name}, got none", code="settings.app"
        )
    return cast(AppFactory, factory)
