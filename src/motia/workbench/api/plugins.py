"""The tabs that plugins bring: their pages and their routes."""

from __future__ import annotations

from typing import Any

from motia.http.response import HttpResponse
from motia.http.router import Route
from motia.workbench.api.plugin_app import ProjectForPlugins
from motia.workbench.api.tabs import tab_document
from motia.workbench.hooks import Plugin, PluginHandler, PluginRequest
from motia.workbench.page import asset
from motia.workbench.request import ApiRequest, Handler, page_of, unknown
from motia.workbench.workspace import Workspace


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/plugins` and everything below it."""
    by_name = {plugin.name: plugin for plugin in workspace.plugins}

    async def plugins(_: ApiRequest) -> Any:
        return page_of([tab_document(plugin) for plugin in workspace.plugins])

    async def file(request: ApiRequest) -> HttpResponse:
        plugin = by_name.get(request.params["name"])
        path = request.params["file"]
        found = None if plugin is None else asset(path, plugin.page, framed=True)
        if found is None:
            raise unknown("file of a plugin", f"{request.params['name']}/{path}", "plugin.unknown_file")
        return found

    project = ProjectForPlugins(workspace)
    own: list[Route[Handler]] = []
    for plugin in workspace.plugins:
        for pattern, handler in plugin.routes(project).items():
            method, _, path = pattern.partition(" ")
            own.append(Route(method, f"/plugins/{plugin.name}/api{path}", _asked(plugin, handler)))
    return [Route("GET", "/plugins", plugins), Route("GET", "/plugins/:name/*file", file), *own]


def _asked(plugin: Plugin, handler: PluginHandler) -> Handler:
    async def answer(request: ApiRequest) -> Any:
        if request.method not in ("GET", "HEAD"):
            request.acted_on(f"plugin.{plugin.name}", method=request.method)
        return await handler(PluginRequest(request.params, request.query, request.body))

    return answer
