"""What every node answers besides the routes of its steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from motia.core.registry import Registry
from motia.http.docs import docs_response
from motia.http.openapi import openapi
from motia.http.response import HttpResponse, to_response
from motia.http.static_site import StaticSite
from motia.settings import Settings

SWITCHED_OFF = {"/metrics": "set tracing.prometheus = true to have it answered"}
"""What to do about a path that nothing answers, for it is off by default."""

Answer = Callable[[], HttpResponse]


def builtin_routes(
    settings: Settings, registry: Registry, *, ready: Answer, metrics: Answer
) -> dict[str, Answer]:
    """The answers by path; a route of a step comes first."""

    @cache
    def document() -> dict[str, Any]:
        return openapi(registry, title=settings.project_dir.name, version="1")

    routes: dict[str, Answer] = {
        "/health": lambda: to_response({"status": "ok"}),
        "/ready": ready,
        "/openapi.json": lambda: to_response(document()),
    }
    if settings.tracing.prometheus:
        routes["/metrics"] = metrics
    if settings.mode == "development":
        routes["/docs"] = lambda: docs_response(document(), "/openapi.json")
        # A browser that opens the printed address finds the list of routes, unless the project serves it.
        site = StaticSite(settings.project_dir / settings.web_dir)
        to_docs = {"status": 307, "headers": {"location": "/docs"}}
        routes["/"] = lambda: site.page("/") or to_response(to_docs)
    return routes
