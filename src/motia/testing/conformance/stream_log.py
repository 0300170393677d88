"""The change log of streams, from which a subscriber misses nothing (R10)."""

from __future__ import annotations

import asyncio

from motia.core.batch import Batch, TrimChanges
from motia.testing.conformance.harness import NOW_MS, Nodes, needs
from motia.testing.conformance.stream_writes import (
    changes_of,
    event_sent,
    item_delete,
    item_put,
    told_by,
    versions_of,
)


async def the_log_is_read_in_pages_in_commit_order(nodes: Nodes) -> None:
    node = await nodes.open()
    await asyncio.gather(*(node.backend.commit(Batch([item_put(str(n), b"%d" % n)])) for n in range(20)))
    store = node.backend.streams
    first = await changes_of(node, limit=8)
    rest = await changes_of(node, first[-1].seq)
    assert [change.data for change in (*first, *rest)] == [b"%d" % n for n in range(20)]
    assert await store.last_seq() == rest[-1].seq
    assert await store.changes(rest[-1].seq) == []


async def what_was_missed_is_every_change_after_a_version(nodes: Nodes) -> None:
    node = await nodes.open()
    base = (await node.one(item_put("1", b"1"))).version
    await node.commit(item_put("2", b"2"), event_sent("2"), item_put("9", group="other"), item_delete("1"))
    missed = await node.backend.streams.missed("s", "g", base)
    assert told_by(missed) == [("create", "2", b"2"), ("delete", "1", b"1")]
    assert await node.backend.streams.missed("s", "g", base + 2) == []


async def the_newest_deletion_of_an_item_is_found(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(
        item_put("1", b"1"),
        item_delete("1"),
        item_put("1", b"2"),
        item_put("2"),
        item_delete("1"),
        item_put("3"),
    )
    deletion = await node.backend.streams.deletion("s", "g", "1")
    assert deletion is not None
    assert (deletion.kind, deletion.id, deletion.data) == ("delete", "1", b"2")
    assert await node.backend.streams.deletion("s", "g", "2") is None
    assert await node.backend.streams.deletion("s", "other", "1") is None


async def what_the_log_cannot_tell_is_none(nodes: Nodes) -> None:
    node = await nodes.open()
    base = (await node.one(item_put("1"))).version
    await node.commit(item_put("1"), item_put("1"), item_put("1"))
    store = node.backend.streams
    assert await store.missed("s", "g", base + 4) is None
    assert await store.missed("s", "g", base - 1000) is None
    assert await store.missed("s", "g", base, limit=2) is None
    assert await node.one(TrimChanges(before_ms=0, keep=2)) == 2
    assert await store.missed("s", "g", base) is None
    assert len(await store.missed("s", "g", base + 1) or ()) == 2


async def old_lines_are_trimmed_and_items_stay(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(item_put("1", now_ms=NOW_MS - 1000), item_put("2"))
    first = (await changes_of(node))[0].seq
    assert await node.one(TrimChanges(before_ms=NOW_MS, keep=100)) == 1
    assert await node.backend.streams.changes(0) is None
    assert await node.backend.streams.changes(first - 1) is None
    assert [change.id for change in await changes_of(node, first)] == ["2"]
    last = await node.backend.streams.last_seq()
    assert await node.one(TrimChanges(before_ms=0, keep=0)) == 1
    assert await node.backend.streams.last_seq() == last
    assert await node.backend.streams.changes(last) == []
    assert len((await node.backend.streams.snapshot("s", "g")).items) == 2


async def a_group_that_comes_back_reuses_no_version(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(item_put("1", now_ms=NOW_MS - 1000), item_delete("1", now_ms=NOW_MS - 1000))
    old = await versions_of(node)
    assert await node.one(TrimChanges(before_ms=NOW_MS, keep=100)) == 2
    gone = await node.backend.streams.snapshot("s", "g")
    assert (gone.version, gone.items) == (max(old), [])
    assert (await node.one(item_put("1"))).version > max(old)
    # Nor where it had changed faster than time went, or clocks went back.
    *_, last = await node.commit(*(item_put("1") for _ in range(20)), item_delete("1"))
    before = await node.backend.streams.snapshot("s", "g")
    assert await node.one(TrimChanges(before_ms=NOW_MS + 100, keep=0)) == 22
    assert (await node.one(item_put("1", now_ms=NOW_MS - 50))).version > last.version
    assert (await node.backend.streams.snapshot("s", "g")).timestamp_ms > before.timestamp_ms


async def listeners_hear_of_changes(nodes: Nodes) -> None:
    node = await nodes.open()
    heard = asyncio.Event()
    node.backend.on_change(heard.set)
    await node.one(item_put("1"))
    async with asyncio.timeout(30):
        await heard.wait()


@needs("shared")
async def listeners_hear_of_changes_of_another_node(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    heard = asyncio.Event()
    two.backend.on_change(heard.set)
    put = await one.one(item_put("1", b'{"n":1}'))
    async with asyncio.timeout(30):
        await heard.wait()
    assert [change.version for change in await changes_of(two)] == [put.version]


@needs("shared")
async def nodes_tell_each_other_past_storage(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    two.backend.on_news(heard.set_result)
    one.backend.on_news(lambda news: heard.set_exception(AssertionError("told itself")))
    one.backend.tell_nodes(b"hello")
    async with asyncio.timeout(30):
        assert await heard == b"hello"
