"""Puts the console of a node together."""

from __future__ import annotations

from motia.workbench.api import routes_of
from motia.workbench.console import Console
from motia.workbench.session import (
    DEVELOPMENT_LIFETIME_S,
    PRODUCTION_LIFETIME_S,
    ConsoleSecrets,
    Sessions,
)
from motia.workbench.workspace import Workspace


def open_console(workspace: Workspace, held: ConsoleSecrets) -> Console:
    """The console over a workspace, opened by these secrets."""
    settings, engine = workspace.settings, workspace.engine
    development = settings.mode == "development"
    lifetime_s = DEVELOPMENT_LIFETIME_S if development else PRODUCTION_LIFETIME_S
    return Console(
        routes_of(workspace),
        Sessions(held, lifetime_s=lifetime_s),
        settings=settings,
        clock=engine.clock,
        report=lambda line, data: engine.recorder.log("info", line, step="motia", data=data),
    )
