"""A tab of the Workbench: how many orders there are by status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motia.workbench.hooks import Plugin, PluginApp, PluginHandler, PluginRequest


def routes(app: PluginApp) -> Mapping[str, PluginHandler]:
    async def orders(request: PluginRequest) -> Any:
        found = await app.state_entries(request.query.get("scope", "orders"))
        counts = Counter(
            str(order.get("status", "none")) for order in found.values() if isinstance(order, dict)
        )
        return {"orders": len(found), "by_status": counts}

    async def place(request: PluginRequest) -> Any:
        return {"trace_id": await app.emit(request.params["topic"], request.body)}

    return {"GET /orders": orders, "POST /emit/:topic": place}


plugin = Plugin(
    name="orders", label="Orders", icon="package", page=Path(__file__).parent / "page", routes=routes
)
