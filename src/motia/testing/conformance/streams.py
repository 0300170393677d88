"""Streams: items, their versions, and what a commit of them does."""

from __future__ import annotations

import asyncio
from typing import Any

from motia import encoding
from motia.core.batch import (
    Batch,
    ChangeDelivery,
    ClaimHeld,
    Operation,
    StreamDelete,
    StreamUpdate,
    StreamVersion,
)
from motia.core.update import UpdateOperation
from motia.errors import ConflictError, InputError
from motia.testing.conformance.harness import (
    NOW_MS,
    TRACE,
    Nodes,
    Q,
    complete,
    needs,
    payloads,
    raised_by,
)
from motia.testing.conformance.stream_writes import (
    changes_of,
    event_sent,
    item_delete,
    item_put,
    told_by,
    versions_of,
)

_ODD_NAMES = ("a:b", "a/b", " ", "%2F", "日本語", "🙂", "'; DROP TABLE", "a\nb", "A", "a")


async def a_put_gives_what_was_and_what_is(nodes: Nodes) -> None:
    node = await nodes.open()
    first = await node.one(item_put("1", b'{"n":1}'))
    second = await node.one(item_put("1", b'{"n":2}'))
    assert (first.old, first.new) == (None, b'{"n":1}')
    assert (second.old, second.new) == (b'{"n":1}', b'{"n":2}')
    item = await node.backend.streams.get("s", "g", "1")
    assert item == ("1", b'{"n":2}', second.version)


async def what_does_not_exist_is_none(nodes: Nodes) -> None:
    store = (await nodes.open()).backend.streams
    assert await store.get("s", "g", "1") is None
    assert await store.snapshot("s", "g") == (0, 0, [])
    assert await store.groups("s") == []
    assert await store.last_seq() == 0
    assert await store.changes(0) == []
    assert await store.missed("s", "g", 0) is None


async def versions_of_a_group_are_dense(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(item_put("1"), item_put("2"), item_put("x", group="other"), item_put("1"))
    await node.commit(item_delete("2"))
    versions = await versions_of(node)
    assert versions == list(range(versions[0], versions[0] + 4))


async def a_snapshot_has_the_version_its_items_make_up(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(item_put("1", b"1"), item_put("2", b"2"))
    last = await node.one(item_put("1", b"3"))
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert snapshot.version == last.version
    assert [(item.id, item.data) for item in snapshot.items] == [("1", b"3"), ("2", b"2")]
    assert snapshot.timestamp_ms >= NOW_MS


async def a_snapshot_of_one_item_holds_that_item(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(item_put("1", b"1"), item_put("2", b"2"))
    both = await node.backend.streams.snapshot("s", "g")
    one = await node.backend.streams.snapshot("s", "g", "2")
    none = await node.backend.streams.snapshot("s", "g", "3")
    assert one == (both.version, both.timestamp_ms, both.items[1:])
    assert none == (both.version, both.timestamp_ms, [])


async def items_are_in_the_order_of_their_creation(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(item_put(id_) for id_ in ("c", "a", "b")))
    await node.commit(item_put("c", b"1"), item_delete("a"), item_put("a"))
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert [item.id for item in snapshot.items] == ["c", "b", "a"]


async def names_of_any_characters_are_told_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    for number, name in enumerate(_ODD_NAMES):
        data = b"%d" % number
        await node.commit(
            item_put(name, data), item_put("1", data, group=name), item_put("1", data, stream=name)
        )
    for number, name in enumerate(_ODD_NAMES):
        for place in (("s", "g", name), ("s", name, "1"), (name, "g", "1")):
            item = await node.backend.streams.get(*place)
            assert item is not None
            assert item.data == b"%d" % number
    groups = await node.backend.streams.groups("s")
    assert groups == sorted([*_ODD_NAMES, "g"], key=str.encode)


async def groups_are_given_in_pages_and_only_those_that_hold_something(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(item_put("1", group=group) for group in ("a", "b", "c", "d")))
    await node.commit(item_delete("1", group="b"), event_sent(None, group="e"))
    store = node.backend.streams
    assert await store.groups("s", limit=2) == ["a", "c"]
    assert await store.groups("s", limit=2, after="c") == ["d"]


async def a_delete_gives_what_was_and_tells_it(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(item_put("1", b'{"n":1}'))
    result = await node.one(item_delete("1"))
    assert (result.old, result.new) == (b'{"n":1}', None)
    assert await node.backend.streams.get("s", "g", "1") is None
    changes = await changes_of(node)
    assert told_by(changes) == [("create", "1", b'{"n":1}'), ("delete", "1", b'{"n":1}')]


async def deleting_what_is_not_there_tells_nobody(nodes: Nodes) -> None:
    node = await nodes.open()
    before = await node.one(item_put("1"))
    result = await node.one(item_delete("2"))
    assert (result.old, result.new) == (None, None)
    assert await versions_of(node) == [before.version]


async def an_update_is_applied_to_what_is_there(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(item_put("1", b'{"id":"1","n":1}'))
    operations = [UpdateOperation("increment", ("n",), 4), UpdateOperation("set", ("id",), "no")]
    update = StreamUpdate(stream="s", group="g", id="1", operations=operations, now_ms=NOW_MS)
    result = await node.one(update)
    assert encoding.decode(result.new) == {"id": "1", "n": 5}


async def an_update_of_nothing_creates_an_item_with_its_id(nodes: Nodes) -> None:
    node = await nodes.open()
    operations = [UpdateOperation("increment", ("n",), 1)]
    result = await node.one(StreamUpdate(stream="s", group="g", id="1", operations=operations, now_ms=NOW_MS))
    assert encoding.decode(result.new) == {"id": "1", "n": 1}
    assert [change.kind for change in await changes_of(node)] == ["create"]


async def an_update_to_nothing_deletes(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(item_put("1", b'{"id":"1"}'))
    await node.one(
        StreamUpdate(
            stream="s", group="g", id="1", operations=[UpdateOperation("set", (), None)], now_ms=NOW_MS
        )
    )
    assert await node.backend.streams.get("s", "g", "1") is None


async def concurrent_updates_lose_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    add = StreamUpdate(
        stream="s", group="g", id="1", operations=[UpdateOperation("increment", ("n",), 1)], now_ms=NOW_MS
    )
    await asyncio.gather(*(node.backend.commit(Batch([add])) for _ in range(50)))
    item = await node.backend.streams.get("s", "g", "1")
    assert item is not None
    assert encoding.decode(item.data)["n"] == 50


async def the_check_of_an_update_decides_what_is_stored(nodes: Nodes) -> None:
    node = await nodes.open()

    def refuse(value: object) -> object:
        raise InputError("no", code="input.invalid")

    operations = [UpdateOperation("set", ("n",), 1)]
    given: Any = {"stream": "s", "group": "g", "id": "1", "operations": operations, "now_ms": NOW_MS}
    await raised_by(node.one(StreamUpdate(**given, check=refuse)), InputError)
    assert await node.backend.streams.get("s", "g", "1") is None
    kept = await node.one(StreamUpdate(**given, check=lambda value: {**value, "m": 2}))
    assert encoding.decode(kept.new) == {"id": "1", "n": 1, "m": 2}


async def timestamps_of_a_group_increase_strictly(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(
        item_put("1"), item_put("1"), event_sent("1"), item_put("1", now_ms=NOW_MS - 1000), event_sent(None)
    )
    stamps = [change.timestamp_ms for change in await changes_of(node)]
    assert stamps == sorted(set(stamps))
    assert (await node.backend.streams.snapshot("s", "g")).timestamp_ms == stamps[-1]


async def an_event_changes_no_version(nodes: Nodes) -> None:
    node = await nodes.open()
    put = await node.one(item_put("1"))
    await node.commit(event_sent("1", b'{"type":"typing"}'), event_sent(None, b'{"type":"all"}'))
    assert (await node.backend.streams.snapshot("s", "g")).version == put.version
    changes = await changes_of(node)
    assert told_by(changes)[1:] == [("event", "1", b'{"type":"typing"}'), ("event", None, b'{"type":"all"}')]
    assert [change.version for change in changes] == [put.version, None, None]


async def a_failing_batch_leaves_no_change(nodes: Nodes) -> None:
    node = await nodes.open()
    before = await node.one(item_put("1", b'{"name":"x"}'))
    bad = StreamUpdate(
        stream="s",
        group="g",
        id="1",
        operations=[UpdateOperation("increment", ("name",), 1)],
        now_ms=NOW_MS,
    )
    results = await asyncio.gather(
        node.backend.commit(Batch([item_put("2"), event_sent("1"), bad])),
        node.backend.commit(Batch([item_put("3")])),
        return_exceptions=True,
    )
    assert isinstance(results[0], InputError)
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert [item.id for item in snapshot.items] == ["1", "3"]
    assert await versions_of(node) == [before.version, before.version + 1]


async def an_item_guard_holds_only_for_the_version_that_was_read(nodes: Nodes) -> None:
    node = await nodes.open()
    first = await node.one(item_put("1"))
    await node.one(item_put("2"))
    await node.commit(item_put("3"), guards=[StreamVersion("s", "g", "1", first.version)])
    await node.commit(item_put("4"), guards=[StreamVersion("s", "g", "none", 0)])
    for guard in (StreamVersion("s", "g", "1", 0), StreamVersion("s", "g", "1", first.version + 1)):
        error = await raised_by(node.commit(item_put("5"), guards=[guard]), ConflictError)
        assert error.code == "streams.version_conflict"
    assert await node.backend.streams.get("s", "g", "5") is None


async def a_superseded_attempt_writes_no_item(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue())
    [claim] = await node.claim()
    held = ClaimHeld(claim.seq, claim.id, claim.token)
    await node.commit(item_put("1"), complete(claim), guards=[held])
    error = await raised_by(node.commit(item_put("2"), event_sent(None), guards=[held]), ConflictError)
    assert error.code == "claim.superseded"
    assert len(await changes_of(node)) == 1


async def a_change_enqueues_its_triggers_in_the_same_commit(nodes: Nodes) -> None:
    node = await nodes.open()

    def to_step() -> list[ChangeDelivery]:
        return [ChangeDelivery(queue=Q, message_id=nodes.id(), trace=TRACE)]

    operations: list[Operation] = [
        item_put('a"b', b'{"n":1}', deliveries=to_step()),
        StreamDelete(stream="s", group="g", id="none", now_ms=NOW_MS, deliveries=to_step()),
        event_sent(None, b'{"type":"t","data":null}', deliveries=to_step()),
    ]
    result = (await node.commit(*operations))[0]
    told = [encoding.decode(payload) for payload in payloads(await node.claim())]
    place = {"type": "stream", "streamName": "s", "groupId": "g"}
    assert told == [
        {
            **place,
            "timestamp": NOW_MS,
            "id": 'a"b',
            "version": result.version,
            "event": {"type": "create", "data": {"n": 1}},
        },
        {**place, "timestamp": NOW_MS + 1, "event": {"type": "event", "event": {"type": "t", "data": None}}},
    ]


@needs("durable")
async def streams_survive_close_and_open(nodes: Nodes) -> None:
    node = await nodes.open()
    put = await node.one(item_put("1", b'{"n":1}'))
    await nodes.close()
    again = await nodes.open()
    assert await again.backend.streams.get("s", "g", "1") == ("1", b'{"n":1}', put.version)
    assert (await again.one(item_put("2"))).version == put.version + 1
