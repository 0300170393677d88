"""Watching state: what every node and command changed, in order and without a gap that is not told."""

from __future__ import annotations

from motia.core.batch import (
    Expire,
    StateClear,
    StateDelete,
    StatePut,
    StateUpdate,
    StateVersion,
    WatchState,
)
from motia.core.update import UpdateOperation
from motia.errors import ConflictError
from motia.state.store import KEPT_CHANGES
from motia.testing.conformance.harness import NOW_MS, Node, Nodes, needs, raised_by


async def who_watches_learns_of_every_change(nodes: Nodes) -> None:
    node = await nodes.open()
    since = await _watch(node)
    await node.commit(_put("a", b"1"), _put("a", b"2"), _put("b", b"1", expires_at_ms=NOW_MS + 5))
    await node.commit(StateUpdate(scope="s", key="a", operations=_INCREMENT, now_ms=NOW_MS))
    await node.commit(StateDelete(scope="s", key="a", now_ms=NOW_MS), _put("c", b"1"))
    await node.commit(Expire(NOW_MS + 5), StateClear("s", NOW_MS + 5))
    found = await node.backend.state.changes(since)
    assert found is not None
    assert [(one.scope, one.key, one.change) for one in found] == [
        ("s", "a", "created"),
        ("s", "a", "updated"),
        ("s", "b", "created"),
        ("s", "a", "updated"),
        ("s", "a", "deleted"),
        ("s", "c", "created"),
        ("s", "b", "deleted"),
        ("s", None, "cleared"),
    ]
    assert [one.number for one in found] == list(range(since + 1, since + 9))
    entry_version = found[0].version
    assert entry_version > 0
    assert found[4].version == 0
    assert await node.backend.state.changes(since, limit=2) == found[:2]
    assert await node.backend.state.changes(since + 6) == found[6:]
    assert await node.backend.state.changes(since + 8) == []


async def what_changes_nothing_is_not_told(nodes: Nodes) -> None:
    node = await nodes.open()
    since = await _watch(node)
    await node.commit(StateDelete(scope="s", key="none", now_ms=NOW_MS), StateClear("none", NOW_MS))
    await raised_by(node.commit(_put("a", b"1"), guards=[StateVersion("s", "a", 9)]), ConflictError)
    assert await node.backend.state.changes(since) == []


@needs("shared")
async def who_watches_learns_of_changes_of_other_nodes(nodes: Nodes) -> None:
    here, there = await nodes.open(), await nodes.open()
    since = await _watch(here)
    await there.commit(_put("a", b"1"))
    await here.commit(_put("b", b"1"))
    found = await here.backend.state.changes(since)
    assert found is not None
    assert [one.key for one in found] == ["a", "b"]


async def who_comes_back_in_time_has_missed_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    since = await _watch(node)
    await node.commit(_put("a", b"1"))
    assert await node.one(WatchState(NOW_MS + 20, NOW_MS + 9)) == since + 1
    await node.commit(_put("b", b"1", now_ms=NOW_MS + 15))
    found = await node.backend.state.changes(since)
    assert found is not None
    assert [one.key for one in found] == ["a", "b"]


async def what_nobody_watched_is_told_as_a_gap(nodes: Nodes) -> None:
    node = await nodes.open()
    since = await _watch(node)
    await node.commit(_put("a", b"1"))
    await node.commit(_put("b", b"1", now_ms=NOW_MS + 10))
    anew = await node.one(WatchState(NOW_MS + 30, NOW_MS + 20))
    assert anew > since + 1
    assert await node.backend.state.changes(since) is None
    assert await node.backend.state.changes(since + 1) is None
    assert await node.backend.state.changes(anew) == []
    assert await node.backend.state.changes(anew + 1) is None


async def more_changes_than_are_kept_are_a_gap(nodes: Nodes) -> None:
    node = await nodes.open()
    since = await _watch(node)
    await node.commit(*(_put("a", b"1") for _ in range(KEPT_CHANGES + 1)))
    assert await node.backend.state.changes(since) is None
    found = await node.backend.state.changes(since + 1, limit=KEPT_CHANGES)
    assert found is not None
    assert len(found) == KEPT_CHANGES


_INCREMENT = [UpdateOperation("increment", (), 1)]


def _put(key: str, value: bytes, *, now_ms: int = NOW_MS, expires_at_ms: int | None = None) -> StatePut:
    return StatePut(scope="s", key=key, value=value, now_ms=now_ms, expires_at_ms=expires_at_ms)


async def _watch(node: Node) -> int:
    """Watch for 10 ms from the time of this suite on."""
    number: int = await node.one(WatchState(NOW_MS + 10, NOW_MS))
    return number
