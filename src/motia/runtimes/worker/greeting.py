"""What whoever dials a worker says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motia.runtimes.worker.connection import STREAM_ITEMS
from motia.runtimes.worker.frames import FrameLimits
from motia.settings import Settings

PROTOCOL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a node says of itself, and the bounds it sets."""

    node: str
    project_dir: Path
    environment: str
    limits: FrameLimits
    heartbeat_s: float
    load_s: float

    def params(self) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "node": self.node,
            "project_dir": str(self.project_dir),
            "environment": self.environment,
            "limits": {
                "frame_bytes": self.limits.frame_bytes,
                "message_bytes": self.limits.message_bytes,
                "message_parts": self.limits.message_parts,
                "stream_items": STREAM_ITEMS,
                "heartbeat_s": self.heartbeat_s,
            },
        }


def greeting_of(settings: Settings, node: str) -> Greeting:
    """What `node` says when it dials a worker."""
    workers = settings.workers
    return Greeting(
        node=node,
        project_dir=settings.project_dir.resolve(),
        environment=settings.mode,
        limits=FrameLimits(frame_bytes=workers.frame_bytes, message_bytes=workers.message_bytes),
        heartbeat_s=workers.heartbeat_s,
        load_s=workers.load_s,
    )
