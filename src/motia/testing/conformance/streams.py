"""Streams: items, versions, and a change log from which a subscriber misses nothing (R10)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from motia import encoding
from motia.core.batch import (
    Batch,
    ChangeDelivery,
    ClaimHeld,
    Operation,
    StreamDelete,
    StreamPut,
    StreamSend,
    StreamUpdate,
    StreamVersion,
    TrimChanges,
)
from motia.core.stream import LoggedChange
from motia.core.update import UpdateOperation
from motia.errors import ConflictError, InputError
from motia.testing.conformance.harness import (
    NOW_MS,
    TRACE,
    Node,
    Nodes,
    Q,
    complete,
    needs,
    payloads,
    raised_by,
)

_ODD_NAMES = ("a:b", "a/b", " ", "%2F", "日本語", "🙂", "'; DROP TABLE", "a\nb", "A", "a")


def _put(id_: str, data: bytes = b"{}", group: str = "g", **fields: object) -> StreamPut:
    given = {"stream": "s", "now_ms": NOW_MS, **fields}
    return StreamPut(group=group, id=id_, data=data, **given)  # type: ignore[arg-type]


def _delete(id_: str, group: str = "g", now_ms: int = NOW_MS) -> StreamDelete:
    return StreamDelete(stream="s", group=group, id=id_, now_ms=now_ms)


def _send(id_: str | None, event: bytes = b"{}", **fields: object) -> StreamSend:
    given = {"stream": "s", "now_ms": NOW_MS, "group": "g", **fields}
    return StreamSend(id=id_, event=event, **given)  # type: ignore[arg-type]


def _told(changes: Sequence[LoggedChange] | None) -> list[tuple[str, str | None, bytes]]:
    assert changes is not None
    return [(change.kind, change.id, change.data) for change in changes]


async def _changes(node: Node, after_seq: int = 0, limit: int = 1000) -> list[LoggedChange]:
    changes = await node.backend.streams.changes(after_seq, limit=limit)
    assert changes is not None
    return changes


async def _versions(node: Node, group: str = "g") -> list[int]:
    changes = await _changes(node)
    return [change.version for change in changes if change.group == group and change.version is not None]


async def a_put_gives_what_was_and_what_is(nodes: Nodes) -> None:
    node = await nodes.open()
    first = await node.one(_put("1", b'{"n":1}'))
    second = await node.one(_put("1", b'{"n":2}'))
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
    await node.commit(_put("1"), _put("2"), _put("x", group="other"), _put("1"))
    await node.commit(_delete("2"))
    versions = await _versions(node)
    assert versions == list(range(versions[0], versions[0] + 4))


async def a_snapshot_has_the_version_its_items_make_up(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1", b"1"), _put("2", b"2"))
    last = await node.one(_put("1", b"3"))
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert snapshot.version == last.version
    assert [(item.id, item.data) for item in snapshot.items] == [("1", b"3"), ("2", b"2")]
    assert snapshot.timestamp_ms >= NOW_MS


async def a_snapshot_of_one_item_holds_that_item(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1", b"1"), _put("2", b"2"))
    both = await node.backend.streams.snapshot("s", "g")
    one = await node.backend.streams.snapshot("s", "g", "2")
    none = await node.backend.streams.snapshot("s", "g", "3")
    assert one == (both.version, both.timestamp_ms, both.items[1:])
    assert none == (both.version, both.timestamp_ms, [])


async def items_are_in_the_order_of_their_creation(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_put(id_) for id_ in ("c", "a", "b")))
    await node.commit(_put("c", b"1"), _delete("a"), _put("a"))
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert [item.id for item in snapshot.items] == ["c", "b", "a"]


async def names_of_any_characters_are_told_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    for number, name in enumerate(_ODD_NAMES):
        data = b"%d" % number
        await node.commit(_put(name, data), _put("1", data, group=name), _put("1", data, stream=name))
    for number, name in enumerate(_ODD_NAMES):
        for place in (("s", "g", name), ("s", name, "1"), (name, "g", "1")):
            item = await node.backend.streams.get(*place)
            assert item is not None
            assert item.data == b"%d" % number
    groups = await node.backend.streams.groups("s")
    assert groups == sorted([*_ODD_NAMES, "g"], key=str.encode)


async def groups_are_given_in_pages_and_only_those_that_hold_something(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_put("1", group=group) for group in ("a", "b", "c", "d")))
    await node.commit(_delete("1", group="b"), _send(None, group="e"))
    store = node.backend.streams
    assert await store.groups("s", limit=2) == ["a", "c"]
    assert await store.groups("s", limit=2, after="c") == ["d"]


async def a_delete_gives_what_was_and_tells_it(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(_put("1", b'{"n":1}'))
    result = await node.one(_delete("1"))
    assert (result.old, result.new) == (b'{"n":1}', None)
    assert await node.backend.streams.get("s", "g", "1") is None
    changes = await _changes(node)
    assert _told(changes) == [("create", "1", b'{"n":1}'), ("delete", "1", b'{"n":1}')]


async def deleting_what_is_not_there_tells_nobody(nodes: Nodes) -> None:
    node = await nodes.open()
    before = await node.one(_put("1"))
    result = await node.one(_delete("2"))
    assert (result.old, result.new) == (None, None)
    assert await _versions(node) == [before.version]


async def an_update_is_applied_to_what_is_there(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(_put("1", b'{"id":"1","n":1}'))
    operations = [UpdateOperation("increment", ("n",), 4), UpdateOperation("set", ("id",), "no")]
    update = StreamUpdate(stream="s", group="g", id="1", operations=operations, now_ms=NOW_MS)
    result = await node.one(update)
    assert encoding.decode(result.new) == {"id": "1", "n": 5}


async def an_update_of_nothing_creates_an_item_with_its_id(nodes: Nodes) -> None:
    node = await nodes.open()
    operations = [UpdateOperation("increment", ("n",), 1)]
    result = await node.one(StreamUpdate(stream="s", group="g", id="1", operations=operations, now_ms=NOW_MS))
    assert encoding.decode(result.new) == {"id": "1", "n": 1}
    assert [change.kind for change in await _changes(node)] == ["create"]


async def an_update_to_nothing_deletes(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.one(_put("1", b'{"id":"1"}'))
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
    given = {"stream": "s", "group": "g", "id": "1", "operations": operations, "now_ms": NOW_MS}
    await raised_by(node.one(StreamUpdate(**given, check=refuse)), InputError)  # type: ignore[arg-type]
    assert await node.backend.streams.get("s", "g", "1") is None
    kept = await node.one(StreamUpdate(**given, check=lambda value: {**value, "m": 2}))  # type: ignore[arg-type]
    assert encoding.decode(kept.new) == {"id": "1", "n": 1, "m": 2}


async def timestamps_of_a_group_increase_strictly(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1"), _put("1"), _send("1"), _put("1", now_ms=NOW_MS - 1000), _send(None))
    stamps = [change.timestamp_ms for change in await _changes(node)]
    assert stamps == sorted(set(stamps))
    assert (await node.backend.streams.snapshot("s", "g")).timestamp_ms == stamps[-1]


async def an_event_changes_no_version(nodes: Nodes) -> None:
    node = await nodes.open()
    put = await node.one(_put("1"))
    await node.commit(_send("1", b'{"type":"typing"}'), _send(None, b'{"type":"all"}'))
    assert (await node.backend.streams.snapshot("s", "g")).version == put.version
    changes = await _changes(node)
    assert _told(changes)[1:] == [("event", "1", b'{"type":"typing"}'), ("event", None, b'{"type":"all"}')]
    assert [change.version for change in changes] == [put.version, None, None]


async def the_log_is_read_in_pages_in_commit_order(nodes: Nodes) -> None:
    node = await nodes.open()
    await asyncio.gather(*(node.backend.commit(Batch([_put(str(n), b"%d" % n)])) for n in range(20)))
    store = node.backend.streams
    first = await _changes(node, limit=8)
    rest = await _changes(node, first[-1].seq)
    assert [change.data for change in (*first, *rest)] == [b"%d" % n for n in range(20)]
    assert await store.last_seq() == rest[-1].seq
    assert await store.changes(rest[-1].seq) == []


async def what_was_missed_is_every_change_after_a_version(nodes: Nodes) -> None:
    node = await nodes.open()
    base = (await node.one(_put("1", b"1"))).version
    await node.commit(_put("2", b"2"), _send("2"), _put("9", group="other"), _delete("1"))
    missed = await node.backend.streams.missed("s", "g", base)
    assert _told(missed) == [("create", "2", b"2"), ("delete", "1", b"1")]
    assert await node.backend.streams.missed("s", "g", base + 2) == []


async def the_newest_deletion_of_an_item_is_found(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1", b"1"), _delete("1"), _put("1", b"2"), _put("2"), _delete("1"), _put("3"))
    deletion = await node.backend.streams.deletion("s", "g", "1")
    assert deletion is not None
    assert (deletion.kind, deletion.id, deletion.data) == ("delete", "1", b"2")
    assert await node.backend.streams.deletion("s", "g", "2") is None
    assert await node.backend.streams.deletion("s", "other", "1") is None


async def what_the_log_cannot_tell_is_none(nodes: Nodes) -> None:
    node = await nodes.open()
    base = (await node.one(_put("1"))).version
    await node.commit(_put("1"), _put("1"), _put("1"))
    store = node.backend.streams
    assert await store.missed("s", "g", base + 4) is None
    assert await store.missed("s", "g", base - 1000) is None
    assert await store.missed("s", "g", base, limit=2) is None
    assert await node.one(TrimChanges(before_ms=0, keep=2)) == 2
    assert await store.missed("s", "g", base) is None
    assert len(await store.missed("s", "g", base + 1) or ()) == 2


async def old_lines_are_trimmed_and_items_stay(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1", now_ms=NOW_MS - 1000), _put("2"))
    first = (await _changes(node))[0].seq
    assert await node.one(TrimChanges(before_ms=NOW_MS, keep=100)) == 1
    assert await node.backend.streams.changes(0) is None
    assert await node.backend.streams.changes(first - 1) is None
    assert [change.id for change in await _changes(node, first)] == ["2"]
    last = await node.backend.streams.last_seq()
    assert await node.one(TrimChanges(before_ms=0, keep=0)) == 1
    assert await node.backend.streams.last_seq() == last
    assert await node.backend.streams.changes(last) == []
    assert len((await node.backend.streams.snapshot("s", "g")).items) == 2


async def a_group_that_comes_back_reuses_no_version(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("1", now_ms=NOW_MS - 1000), _delete("1", now_ms=NOW_MS - 1000))
    old = await _versions(node)
    assert await node.one(TrimChanges(before_ms=NOW_MS, keep=100)) == 2
    gone = await node.backend.streams.snapshot("s", "g")
    assert (gone.version, gone.items) == (max(old), [])
    assert (await node.one(_put("1"))).version > max(old)
    # Nor where it had changed faster than time went, or clocks went back.
    *_, last = await node.commit(*(_put("1") for _ in range(20)), _delete("1"))
    before = await node.backend.streams.snapshot("s", "g")
    assert await node.one(TrimChanges(before_ms=NOW_MS + 100, keep=0)) == 22
    assert (await node.one(_put("1", now_ms=NOW_MS - 50))).version > last.version
    assert (await node.backend.streams.snapshot("s", "g")).timestamp_ms > before.timestamp_ms


async def a_failing_batch_leaves_no_change(nodes: Nodes) -> None:
    node = await nodes.open()
    before = await node.one(_put("1", b'{"name":"x"}'))
    bad = StreamUpdate(
        stream="s",
        group="g",
        id="1",
        operations=[UpdateOperation("increment", ("name",), 1)],
        now_ms=NOW_MS,
    )
    results = await asyncio.gather(
        node.backend.commit(Batch([_put("2"), _send("1"), bad])),
        node.backend.commit(Batch([_put("3")])),
        return_exceptions=True,
    )
    assert isinstance(results[0], InputError)
    snapshot = await node.backend.streams.snapshot("s", "g")
    assert [item.id for item in snapshot.items] == ["1", "3"]
    assert await _versions(node) == [before.version, before.version + 1]


async def an_item_guard_holds_only_for_the_version_that_was_read(nodes: Nodes) -> None:
    node = await nodes.open()
    first = await node.one(_put("1"))
    await node.one(_put("2"))
    await node.commit(_put("3"), guards=[StreamVersion("s", "g", "1", first.version)])
    await node.commit(_put("4"), guards=[StreamVersion("s", "g", "none", 0)])
    for guard in (StreamVersion("s", "g", "1", 0), StreamVersion("s", "g", "1", first.version + 1)):
        error = await raised_by(node.commit(_put("5"), guards=[guard]), ConflictError)
        assert error.code == "streams.version_conflict"
    assert await node.backend.streams.get("s", "g", "5") is None


async def a_superseded_attempt_writes_no_item(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue())
    [claim] = await node.claim()
    held = ClaimHeld(claim.seq, claim.id, claim.token)
    await node.commit(_put("1"), complete(claim), guards=[held])
    error = await raised_by(node.commit(_put("2"), _send(None), guards=[held]), ConflictError)
    assert error.code == "claim.superseded"
    assert len(await _changes(node)) == 1


async def a_change_enqueues_its_triggers_in_the_same_commit(nodes: Nodes) -> None:
    node = await nodes.open()

    def to_step() -> list[ChangeDelivery]:
        return [ChangeDelivery(queue=Q, message_id=nodes.id(), trace=TRACE)]

    operations: list[Operation] = [
        _put('a"b', b'{"n":1}', deliveries=to_step()),
        StreamDelete(stream="s", group="g", id="none", now_ms=NOW_MS, deliveries=to_step()),
        _send(None, b'{"type":"t","data":null}', deliveries=to_step()),
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


async def listeners_hear_of_changes(nodes: Nodes) -> None:
    node = await nodes.open()
    heard = asyncio.Event()
    node.backend.on_change(heard.set)
    await node.one(_put("1"))
    async with asyncio.timeout(30):
        await heard.wait()


@needs("shared")
async def listeners_hear_of_changes_of_another_node(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    heard = asyncio.Event()
    two.backend.on_change(heard.set)
    put = await one.one(_put("1", b'{"n":1}'))
    async with asyncio.timeout(30):
        await heard.wait()
    assert [change.version for change in await _changes(two)] == [put.version]


@needs("shared")
async def nodes_tell_each_other_past_storage(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    two.backend.on_news(heard.set_result)
    one.backend.on_news(lambda news: heard.set_exception(AssertionError("told itself")))
    one.backend.tell_nodes(b"hello")
    async with asyncio.timeout(30):
        assert await heard == b"hello"


@needs("durable")
async def streams_survive_close_and_open(nodes: Nodes) -> None:
    node = await nodes.open()
    put = await node.one(_put("1", b'{"n":1}'))
    await nodes.close()
    again = await nodes.open()
    assert await again.backend.streams.get("s", "g", "1") == ("1", b'{"n":1}', put.version)
    assert (await again.one(_put("2"))).version == put.version + 1
