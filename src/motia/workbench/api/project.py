"""What the project is: its steps, their sources, what is broken, what runs now."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from motia.core.registry import Registry
from motia.core.step import Step
from motia.core.trigger import CronTrigger, HttpTrigger
from motia.engine.running import running_documents
from motia.http.router import Route
from motia.workbench.api.documents import schemas_document, step_document
from motia.workbench.api.tabs import tab_document
from motia.workbench.console import version
from motia.workbench.request import ApiRequest, Handler, page_of, unknown
from motia.workbench.source import source_document
from motia.workbench.workspace import Workspace

_PROBLEM_FIELDS = ("message", "code", "path", "line", "step", "hint")


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/project`, `/steps…`, `/running`."""
    settings = workspace.settings
    registry = workspace.registry

    async def project(_: ApiRequest) -> Any:
        return {
            "name": settings.project_dir.name,
            "version": version(),
            "mode": settings.mode,
            "read_only": settings.workbench.read_only,
            "boot_id": workspace.boot_id,
            "registry_version": registry_version(registry),
            "timezone": settings.timezone,
            "handler_timeout_s": settings.queue.handler_timeout_s,
            "languages": sorted({step.source.language for step in registry.steps.values()}),
            "nodes": settings.nodes,
            "api_url": f"http://{settings.host}:{settings.port}" if settings.port else None,
            "counts": _counts(registry),
            "problems": [
                {name: getattr(problem, name, None) for name in _PROBLEM_FIELDS}
                for problem in workspace.problems
            ],
            "notices": [str(notice) for notice in workspace.discovered.notices],
            "thresholds": {
                "latency_ms": settings.workbench.latency_ms,
                "error_rate": settings.workbench.error_rate,
            },
            "tracing": {
                "enabled": settings.tracing.enabled,
                "detail": "full" if workspace.engine.detailed else "lean",
                "max_bytes": settings.tracing.max_bytes,
            },
            "plugins": [tab_document(plugin) for plugin in workspace.plugins],
        }

    async def steps(_: ApiRequest) -> Any:
        return page_of([step_document(step, settings.timezone) for step in registry.steps.values()])

    async def step(request: ApiRequest) -> Any:
        found = find_step(registry, request.params["name"])
        return {**step_document(found, settings.timezone), **schemas_document(found)}

    async def source(request: ApiRequest) -> Any:
        found = find_step(registry, request.params["name"])
        return await asyncio.to_thread(source_document, settings.project_dir, found.source)

    async def running(_: ApiRequest) -> Any:
        return page_of(running_documents(workspace.engine))

    return [
        Route("GET", "/project", project),
        Route("GET", "/steps", steps),
        Route("GET", "/steps/:name", step),
        Route("GET", "/steps/:name/source", source),
        Route("GET", "/running", running),
    ]


def find_step(registry: Registry, name: str) -> Step:
    """The step of that name. Failure: `InputError` `step.unknown`."""
    found = registry.steps.get(name)
    if found is None:
        raise unknown("step", name, "step.unknown")
    return found


def registry_version(registry: Registry) -> str:
    """A short text that differs whenever the steps do."""
    digest = hashlib.sha256()
    for name in sorted(registry.steps):
        step = registry.steps[name]
        digest.update(repr((name, step.source, step.description, step.flows, step.emissions)).encode())
        digest.update(repr([(trigger.kind, *_essence(trigger)) for trigger in step.triggers]).encode())
    digest.update(repr(sorted(registry.streams)).encode())
    return digest.hexdigest()[:16]


def _essence(trigger: Any) -> list[str]:
    # Schemas may be made when they are first read: they are not looked at here.
    names = ("method", "path", "topic", "policy", "expression", "timezone", "scope", "key", "stream")
    return [repr(getattr(trigger, name)) for name in names if hasattr(trigger, name)]


def _counts(registry: Registry) -> dict[str, int]:
    triggers = [trigger for step in registry.steps.values() for trigger in step.triggers]
    return {
        "steps": len(registry.steps),
        "flows": len({flow for step in registry.steps.values() for flow in step.flows}),
        "endpoints": sum(isinstance(trigger, HttpTrigger) for trigger in triggers),
        "topics": len(registry.subscribers),
        "crons": sum(isinstance(trigger, CronTrigger) for trigger in triggers),
        "streams": len(registry.streams),
    }
