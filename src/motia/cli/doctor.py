"""`motia doctor`"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import EXIT_FAILED, print_json, print_line, visible
from motia.cli.project import discover, load_project, with_store
from motia.errors import MotiaError

if TYPE_CHECKING:
    from motia.backends.protocol import Backend
    from motia.cli.checks import Finding
    from motia.core.message import QueueDepth
    from motia.core.registry import Registry
    from motia.engine.dry_check import DryCheck
    from motia.settings.load import Loaded
    from motia.settings.model import Settings


def doctor(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Check the machine, the settings, the steps and the store, and say how to fix what is wrong."""
    loaded = load_project(directory)
    findings = [*_machine(loaded), *_project(loaded.settings)]
    failed = any(finding.level == "error" for finding in findings)
    if as_json:
        names = ("level", "check", "message", "fix", "details")
        print_json(
            {
                "ok": not failed,
                "findings": [{name: getattr(item, name) for name in names} for item in findings],
            }
        )
    else:
        for finding in findings:
            print_line(f"{finding.level:<7}  {finding.check}: {visible(finding.message)}")
            if finding.fix:
                print_line(f"         fix: {visible(finding.fix)}")
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _machine(loaded: Loaded) -> list[Finding]:
    from motia.adapters import database_files
    from motia.backends.sqlite.connection import file_system_of
    from motia.backends.sqlite.long_log import log_bytes
    from motia.cli import checks
    from motia.cli.control import control_socket, is_running

    settings = loaded.settings
    folder = _nearest_existing(settings.project_dir / settings.data_dir)
    running = is_running(control_socket(settings))
    findings = [
        *checks.check_python(tuple(sys.version_info[:3]), sys.platform),
        *checks.check_settings(loaded.notices),
        *checks.check_file_system(file_system_of(folder), folder),
        *checks.check_disk(shutil.disk_usage(folder).free, settings.limits.min_free_disk_bytes, folder),
        *checks.check_logs({path: log_bytes(path) for path in database_files(settings)}),
    ]
    if not os.access(folder, os.W_OK):
        findings.append(
            checks.Finding(
                "error", "disk", f"{folder}: expected a directory to write to", "change its owner or mode"
            )
        )
    if settings.port:
        findings += checks.check_port("port", settings.host, settings.port, flag="--port", running=running)
    if settings.workbench.enabled and settings.workbench.port:
        findings += checks.check_port(
            "workbench port", settings.host, settings.workbench.port, flag="--workbench-port", running=running
        )
    return findings


def _project(settings: Settings) -> list[Finding]:
    from motia.cli import checks
    from motia.settings.database import locate_database

    findings = []
    registry: Registry | None = None
    whole: Registry | None = None
    """What runs and messages can be compared with: a broken file would look like a step that is gone."""
    try:
        discovered = discover(settings)
    except MotiaError as error:
        findings.append(checks.failure("steps", error))
    else:
        registry = discovered.registry
        whole = None if discovered.problems else registry
        findings += checks.check_steps(
            len(discovered.registry.steps), discovered.problems, discovered.notices
        )
    location = locate_database(settings)
    if location.path is None:
        return [*findings, checks.Finding("ok", "store", "memory: nothing outlives the node")]
    if not location.path.exists():
        # Looking must not make it.
        return [*findings, checks.Finding("ok", "store", f"{location.path}: not made yet")]
    try:
        depths, nodes, under_way = with_store(settings, lambda store: _read_store(store, whole, settings))
    except MotiaError as error:
        return [*findings, checks.failure("store", error)]
    findings.append(checks.Finding("ok", "store", str(location.path)))
    if registry is not None:
        findings += checks.check_queues(depths, frozenset(registry.queues))
    if under_way is not None:
        findings += checks.check_under_way(under_way)
    return findings + _nodes(nodes)


def _nodes(nodes: Sequence[tuple[int, str, int]]) -> list[Finding]:
    from motia.backends.sqlite.liveness import running_of_dead
    from motia.cli import checks

    dead = [(pid, held) for pid, lock_path, held in nodes if running_of_dead(Path(lock_path))[0]]
    return checks.check_nodes(dead, len(nodes) - len(dead))


async def _read_store(
    backend: Backend, registry: Registry | None, settings: Settings
) -> tuple[list[QueueDepth], Sequence[tuple[int, str, int]], DryCheck | None]:
    """Of each node the process id, the path of its lock file, and how many messages it holds.

    `registry` None: the steps are not known, so that nothing can be compared with them.
    """
    from motia.discovery.durable_calls import code_of
    from motia.engine.dry_check import dry_check

    under_way = (
        None
        if registry is None
        else await dry_check(backend, registry, partial(code_of, settings.project_dir))
    )
    nodes = [
        (pid, lock_path, len(await backend.queue.claims_of(node)))
        for node, pid, lock_path in await backend.queue.nodes()
    ]
    return await backend.queue.depths(), nodes, under_way


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
