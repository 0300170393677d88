"""Every backend passes the one conformance suite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.backends.protocol import Backend
from motia.backends.sqlite.backend import SqliteBackend
from motia.core.message import NodeId
from motia.testing.conformance import Check, checks


@pytest.mark.parametrize("check", checks(MemoryBackend.capabilities), ids=str)
def test_memory(check: Check) -> None:
    store = MemoryStore()

    async def make_backend(node: NodeId) -> Backend:
        return MemoryBackend(store, node)

    asyncio.run(check.run(make_backend))


@pytest.mark.parametrize("check", checks(SqliteBackend.capabilities), ids=str)
def test_sqlite(check: Check, tmp_path: Path) -> None:
    async def make_backend(node: NodeId) -> Backend:
        return SqliteBackend(tmp_path / "motia.db", node, folder_for_sockets=tmp_path / "run")

    asyncio.run(check.run(make_backend))


def test_the_suite_leaves_nothing_out_for_want_of_a_capability() -> None:
    assert len(checks(SqliteBackend.capabilities)) >= len(checks(MemoryBackend.capabilities)) > 80
