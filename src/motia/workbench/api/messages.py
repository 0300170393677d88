"""Messages and bulks by id: where they stand, why they wait, and ending them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from motia.authoring.messages import bulk_state_of, state_of
from motia.core.ids import parse_id
from motia.core.message import MessageId
from motia.engine.why import why
from motia.http.router import Route
from motia.workbench.request import ApiRequest, Handler, invalid, page_of, unknown
from motia.workbench.workspace import Workspace

_MOST_BULKS = 50
"""Each is counted message by message."""


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/messages/:id…`, `/bulks…`, `/traces/:id/cancel`."""
    backend, interventions = workspace.engine.backend, workspace.engine.interventions

    async def message(request: ApiRequest) -> Any:
        found = await why(backend, workspace.registry, _id(request), workspace.now_ms())
        if not found:
            raise unknown("message", request.params["id"], "message.not_found")
        return page_of(
            [
                {**asdict(state_of(stored)), "reasons": [asdict(one) for one in reasons]}
                for stored, reasons in found
            ]
        )

    async def cancel(request: ApiRequest) -> Any:
        ended = await interventions.cancel([_id(request)])
        request.acted_on("message.cancel", id=request.params["id"], count=len(ended))
        return {"cancelled": len(ended)}

    async def cancel_trace(request: ApiRequest) -> Any:
        ended = await interventions.cancel_trace(request.params["id"])
        request.acted_on("trace.cancel", id=request.params["id"], count=len(ended))
        return {"cancelled": len(ended)}

    async def bulk(request: ApiRequest) -> Any:
        id_ = _id(request)
        found = await backend.queue.bulk(id_)
        if found is None:
            raise unknown("bulk", request.params["id"], "bulk.not_found")
        return asdict(bulk_state_of(id_, found))

    async def bulks(request: ApiRequest) -> Any:
        found = await backend.queue.bulks(limit=min(request.limit, _MOST_BULKS))
        return page_of([asdict(bulk_state_of(id_, progress)) for id_, progress in found])

    async def cancel_bulk(request: ApiRequest) -> Any:
        ended = await interventions.cancel_bulk(_id(request))
        request.acted_on("bulk.cancel", id=request.params["id"], count=len(ended))
        return {"cancelled": len(ended)}

    return [
        Route("GET", "/messages/:id", message),
        Route("POST", "/messages/:id/cancel", cancel),
        Route("POST", "/traces/:id/cancel", cancel_trace),
        Route("GET", "/bulks", bulks),
        Route("GET", "/bulks/:id", bulk),
        Route("POST", "/bulks/:id/cancel", cancel_bulk),
    ]


def _id(request: ApiRequest) -> MessageId:
    text = request.params["id"]
    try:
        return parse_id(text)
    except ValueError as error:
        raise invalid("id", "the id of a message or bulk", text) from error
