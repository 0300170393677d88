"""The console's JSON, one file a feature. Each has `routes(workspace)`; `routes_of` gathers them."""

from __future__ import annotations

from motia.http.router import Route
from motia.workbench.api import (
    flows,
    live,
    messages,
    metrics,
    plugins,
    project,
    queue,
    run,
    state,
    streams,
    tracing,
    workflow,
)
from motia.workbench.request import Handler
from motia.workbench.workspace import Workspace


def routes_of(workspace: Workspace) -> list[Route[Handler]]:
    """Every route of the API, below `/__motia`."""
    return [
        route
        for part in (
            project,
            flows,
            run,
            queue,
            messages,
            workflow,
            state,
            streams,
            tracing,
            metrics,
            plugins,
            live,
        )
        for route in part.routes(workspace)
    ]
