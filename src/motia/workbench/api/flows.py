"""Flows: their graphs, and where their nodes stand."""

from __future__ import annotations

import asyncio
from typing import Any

from motia.http.router import Route
from motia.workbench.api.documents import step_document
from motia.workbench.graph import ALL_STEPS, build_graph, flow_names, layout_keys, steps_of
from motia.workbench.layout import checked_positions, read_layout, write_layout
from motia.workbench.request import ApiRequest, Handler, page_of, unknown
from motia.workbench.workspace import Workspace

_DAY_MS = 24 * 3600 * 1000


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/flows…`."""
    registry = workspace.registry
    settings = workspace.settings

    async def flows(_: ApiRequest) -> Any:
        return page_of([{"name": name, "steps": count} for name, count in flow_names(registry)])

    async def flow(request: ApiRequest) -> Any:
        name = _known(request)
        since_ms = workspace.now_ms() - _DAY_MS
        runs = await workspace.traces.runs(since_ms)
        graph = build_graph(
            registry,
            name,
            document=lambda step: step_document(step, settings.timezone),
            runs={count.step: count for count in runs},
            seen=await workspace.traces.edges(since_ms),
        )
        kept = await asyncio.to_thread(read_layout, settings.project_dir, name)
        keys = layout_keys(registry, graph.nodes)
        positions = {node_id: kept[key] for node_id, key in keys.items() if key in kept}
        return {
            "name": name,
            "nodes": list(graph.nodes.values()),
            "edges": list(graph.edges.values()),
            "positions": positions,
        }

    async def layout(request: ApiRequest) -> None:
        name = _known(request)
        positions = checked_positions(request.fields("positions")["positions"])
        keys = layout_keys(registry, positions)
        by_key = {keys[node_id]: place for node_id, place in positions.items()}
        await asyncio.to_thread(write_layout, settings.project_dir, name, by_key)
        request.acted_on("flow.layout", flow=name)

    def _known(request: ApiRequest) -> str:
        name = request.params["name"]
        if name != ALL_STEPS and not steps_of(registry, name):
            raise unknown("flow", name, "flow.unknown")
        return name

    return [
        Route("GET", "/flows", flows),
        Route("GET", "/flows/:name", flow),
        Route("PUT", "/flows/:name/layout", layout),
    ]
