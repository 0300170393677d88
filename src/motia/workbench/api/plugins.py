"""The tabs that plugins bring: their pages and their routes."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.causes import place_of
from motia.core.stack import own_stack
from motia.errors import HandlerError, MotiaError
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

    own = [route for plugin in workspace.plugins for route in _own(workspace, plugin)]
    return [Route("GET", "/plugins", plugins), Route("GET", "/plugins/:name/*file", file), *own]


def _own(workspace: Workspace, plugin: Plugin) -> list[Route[Handler]]:
    """The routes of one plugin; none where its code cannot say them, and the console goes without."""
    own: list[Route[Handler]] = []
    try:
        for pattern, handler in plugin.routes(ProjectForPlugins(workspace)).items():
            method, _, path = pattern.partition(" ")
            own.append(
                Route(
                    method, f"/plugins/{plugin.name}/api{path}", _asked(workspace, plugin, pattern, handler)
                )
            )
    except Exception as error:  # whatever a plugin's own code raises
        _failed(workspace, plugin, "routes", error)
        return []
    return own


def _asked(workspace: Workspace, plugin: Plugin, pattern: str, handler: PluginHandler) -> Handler:
    async def answer(request: ApiRequest) -> Any:
        if request.method not in ("GET", "HEAD"):
            request.acted_on(f"plugin.{plugin.name}", method=request.method)
        try:
            return await handler(PluginRequest(request.params, request.query, request.body))
        except MotiaError:
            raise
        except Exception as error:  # whatever a plugin's own code raises
            raise _failed(workspace, plugin, pattern, error) from error

    return answer


def _failed(workspace: Workspace, plugin: Plugin, part: str, error: Exception) -> HandlerError:
    """Log what a plugin's code raised, with its lines; what is told of it to who asks."""
    stack = own_stack(error, str(workspace.settings.project_dir.resolve()))
    message = f"plugin {plugin.name}: {part}: expected an answer, got {type(error).__name__}: {error}"
    data = encoding.encode({"stack": stack})
    workspace.engine.recorder.log("error", message, step="motia", data=data)
    return HandlerError(message, code="workbench.plugin", hint=place_of(stack))
