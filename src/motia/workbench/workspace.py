"""What the console's answers are made from: one node's project, engine and stores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from motia.core.registry import Registry
from motia.discovery.project import Discovered
from motia.engine.engine import Engine
from motia.engine.running import running_documents
from motia.errors import MotiaError
from motia.settings import Settings
from motia.tracing.store import TraceStore
from motia.workbench.hooks import Plugin
from motia.workbench.running import RunningTraces


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Handed to every part of the API; holds nothing of a request."""

    settings: Settings
    engine: Engine
    discovered: Discovered
    problems: Sequence[MotiaError]
    traces: TraceStore
    boot_id: str
    """Of this node's process."""
    plugins: Sequence[Plugin] = ()
    closing: asyncio.Event
    """Set when the node drains: live channels end, so that their pages come back to another node."""

    @property
    def registry(self) -> Registry:
        return self.engine.registry

    def now_ms(self) -> int:
        return self.engine.clock.now_ms()

    def running_traces(self) -> RunningTraces:
        """Those of which something runs now."""
        return RunningTraces(running_documents(self.engine), self.traces, self.now_ms())
