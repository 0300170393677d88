"""State: values, versions, expiry, guards, and the triggers stored with each change."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from motia.core.batch import (
    Batch,
    ChangeDelivery,
    Expire,
    StateClear,
    StateDelete,
    StatePut,
    StateResult,
    StateUpdate,
    StateVersion,
)
from motia.core.state import StateEntry
from motia.core.update import UpdateKind, UpdateOperation
from motia.errors import ConflictError, InputError
from motia.testing.conformance.harness import NOW_MS, TRACE, Nodes, Q, needs, payloads, raised_by


async def a_put_is_read_back(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.backend.state.get("s", "a", NOW_MS) is None
    value = '{"ü": [1, 2.50, "☃"]}'.encode()
    result = await node.one(_put("a", value))
    assert result == StateResult(None, value, result.version)
    assert await node.backend.state.get("s", "a", NOW_MS) == StateEntry("a", value, result.version)
    again = await node.one(_put("a", b"2"))
    assert (again.old, again.new) == (value, b"2")


async def scopes_are_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"1", scope="x"), _put("a", b"2", scope="y"))
    entry = await node.backend.state.get("x", "a", NOW_MS)
    assert entry is not None
    assert entry.value == b"1"


async def null_is_a_value(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"null"))
    entry = await node.backend.state.get("s", "a", NOW_MS)
    assert entry is not None
    assert entry.value == b"null"
    result = await node.one(_put("a", b"1"))
    assert result.old == b"null"


async def a_delete_gives_what_was_there(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"1"))
    assert await node.one(_delete("a")) == StateResult(b"1", None, 0)
    assert await node.backend.state.get("s", "a", NOW_MS) is None
    assert await node.one(_delete("a")) == StateResult(None, None, 0)


async def an_update_applies_its_operations_in_order(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b'{"n":1}'))
    result = await node.one(
        _update("a", ("increment", ("n",), 2), ("append", ("list",), "x"), ("set", ("done",), True))
    )
    assert result.old == b'{"n":1}'
    assert json.loads(result.new) == {"n": 3, "list": ["x"], "done": True}
    entry = await node.backend.state.get("s", "a", NOW_MS)
    assert entry == StateEntry("a", result.new, result.version)


async def an_update_creates_a_missing_key(nodes: Nodes) -> None:
    node = await nodes.open()
    result = await node.one(_update("a", ("increment", (), 5)))
    assert (result.old, result.new) == (None, b"5")


async def an_update_to_nothing_deletes_the_key(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"1"))
    result = await node.one(_update("a", ("remove", (), None)))
    assert (result.old, result.new, result.version) == (b"1", None, 0)
    assert await node.backend.state.get("s", "a", NOW_MS) is None


async def an_update_that_does_not_fit_changes_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b'"text"'))
    error = await raised_by(node.commit(_update("a", ("increment", (), 1))), InputError)
    assert error.code == "state.bad_update"
    entry = await node.backend.state.get("s", "a", NOW_MS)
    assert entry is not None
    assert entry.value == b'"text"'


async def no_concurrent_update_is_lost(nodes: Nodes) -> None:
    node = await nodes.open()
    updates = [node.backend.commit(Batch([_update("a", ("increment", (), 1))])) for _ in range(100)]
    results = [result for [result] in await asyncio.gather(*updates)]
    assert [result.new for result in results] == [str(number).encode() for number in range(1, 101)]


@needs("shared")
async def no_update_of_another_node_is_lost(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    await asyncio.gather(
        *(
            node.backend.commit(Batch([_update("a", ("increment", (), 1))]))
            for _ in range(40)
            for node in team
        )
    )
    for node in team:
        entry = await node.backend.state.get("s", "a", NOW_MS)
        assert entry is not None
        assert entry.value == b"120"


async def versions_increase_with_every_change_of_any_key(nodes: Nodes) -> None:
    node = await nodes.open()
    versions = [
        (await node.one(operation)).version
        for operation in (
            _put("a", b"1"),
            _put("b", b"1"),
            _put("a", b"1"),
            _update("a", ("increment", (), 1)),
            _put("a", b"1", scope="t"),
        )
    ]
    assert versions[0] > 0
    assert versions == sorted(set(versions))


async def a_key_made_again_has_a_newer_version(nodes: Nodes) -> None:
    node = await nodes.open()
    first = (await node.one(_put("a", b"1"))).version
    await node.commit(_delete("a"))
    assert (await node.one(_put("a", b"1"))).version > first
    await node.commit(StateClear("s", NOW_MS))
    assert (await node.one(_put("a", b"1"))).version > first + 1


async def a_version_guard_compares_and_sets(nodes: Nodes) -> None:
    node = await nodes.open()
    result = await node.one(_put("a", b"1"))
    await node.commit(_put("a", b"2"), guards=[StateVersion("s", "a", result.version)])
    guard = StateVersion("s", "a", result.version)
    error = await raised_by(node.commit(_put("a", b"3"), guards=[guard]), ConflictError)
    assert (error.code, error.guard) == ("state.version_conflict", "state_version")
    entry = await node.backend.state.get("s", "a", NOW_MS)
    assert entry is not None
    assert entry.value == b"2"


async def version_0_means_that_there_is_no_such_key(nodes: Nodes) -> None:
    node = await nodes.open()
    absent = StateVersion("s", "a", 0)
    await node.commit(_put("a", b"1"), guards=[absent])
    await raised_by(node.commit(_put("a", b"2"), guards=[absent]), ConflictError)
    await node.commit(_delete("a"))
    await node.commit(_put("a", b"3"), guards=[absent])


async def of_concurrent_sets_of_one_version_one_wins(nodes: Nodes) -> None:
    node = await nodes.open()
    absent = StateVersion("s", "a", 0)
    results = await asyncio.gather(
        *(node.backend.commit(Batch([_put("a", str(n).encode())], [absent])) for n in range(20)),
        return_exceptions=True,
    )
    assert [isinstance(result, ConflictError) for result in results] == [False] + [True] * 19


async def an_entry_whose_expiry_has_passed_is_not_there(nodes: Nodes) -> None:
    node = await nodes.open()
    put = await node.one(_put("a", b"1", expires_at_ms=NOW_MS + 10))
    state = node.backend.state
    assert await state.get("s", "a", NOW_MS + 9) == StateEntry("a", b"1", put.version, NOW_MS + 10)
    assert len(await state.entries("s", NOW_MS + 9)) == len(await state.scopes(NOW_MS + 9)) == 1
    assert await state.get("s", "a", NOW_MS + 10) is None
    assert await state.entries("s", NOW_MS + 10) == []
    assert await state.scopes(NOW_MS + 10) == []
    absent = StateVersion("s", "a", 0, NOW_MS + 10)
    result = await node.commit(_put("a", b"2", now_ms=NOW_MS + 10), guards=[absent])
    assert (result[0].old, result[0].new) == (None, b"2")


async def writes_see_an_expired_entry_as_missing(nodes: Nodes) -> None:
    node = await nodes.open()
    for key in ("put", "delete", "update"):
        await node.commit(_put(key, b"1", expires_at_ms=NOW_MS + 10))
    later_ms = NOW_MS + 10
    deleted = await node.one(_delete("delete", now_ms=later_ms, deliveries=[_trigger(nodes)]))
    assert deleted == StateResult(None, None, 0)
    updated = await node.one(_update("update", ("increment", (), 1), now_ms=later_ms))
    assert (updated.old, updated.new) == (None, b"1")
    entry = await node.backend.state.get("s", "update", later_ms)
    assert entry is not None
    assert entry.expires_at_ms is None
    assert await node.claim() == []


async def a_put_sets_the_expiry_and_an_update_keeps_it(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"1", expires_at_ms=NOW_MS + 10))
    await node.commit(_update("a", ("increment", (), 1)))
    assert await _expiry(node.backend) == NOW_MS + 10
    await node.commit(_update("a", ("increment", (), 1), expires_at_ms=NOW_MS + 20))
    assert await _expiry(node.backend) == NOW_MS + 20
    await node.commit(_put("a", b"1"))
    assert await _expiry(node.backend) is None


async def expire_deletes_what_has_expired(nodes: Nodes) -> None:
    node = await nodes.open()
    for key in ("a", "b", "c"):
        await node.commit(_put(key, b"1", expires_at_ms=NOW_MS + 10))
    await node.commit(_put("d", b"1"), _put("e", b"1", expires_at_ms=NOW_MS + 11))
    assert await node.one(Expire(NOW_MS + 9)) == 0
    assert await node.one(Expire(NOW_MS + 10, limit=2)) == 2
    assert await node.one(Expire(NOW_MS + 10)) == 1
    # Asked as of before, the deleted ones are still gone.
    assert [entry.key for entry in await node.backend.state.entries("s", NOW_MS)] == ["d", "e"]


async def clear_removes_one_scope_and_triggers_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_put("a", b"1"), _put("b", b"1"), _put("a", b"1", scope="t"))
    await node.commit(_put("old", b"1", expires_at_ms=NOW_MS))
    assert await node.one(StateClear("s", NOW_MS)) == 2
    assert await node.backend.state.entries("s", NOW_MS - 1) == []
    assert await node.backend.state.scopes(NOW_MS) == ["t"]
    assert await node.one(StateClear("s", NOW_MS)) == 0


async def entries_come_by_key_and_in_pages(nodes: Nodes) -> None:
    node = await nodes.open()
    names = ["b", "a", "é", "Z", "\uffee", "\U0001f600", "aa"]
    await node.commit(*(_put(name, b"1") for name in names))
    expected = sorted(names, key=str.encode)
    state = node.backend.state
    assert [entry.key for entry in await state.entries("s", NOW_MS)] == expected
    first = await state.entries("s", NOW_MS, limit=3)
    assert [entry.key for entry in first] == expected[:3]
    rest = await state.entries("s", NOW_MS, after_key=first[-1].key)
    assert [entry.key for entry in rest] == expected[3:]


async def scopes_come_sorted_and_in_pages(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_put(key, b"1", scope=scope) for scope in ("c", "a", "b") for key in ("x", "y")))
    state = node.backend.state
    assert await state.scopes(NOW_MS) == ["a", "b", "c"]
    assert await state.scopes(NOW_MS, limit=2) == ["a", "b"]
    assert await state.scopes(NOW_MS, after="b") == ["c"]
    await node.commit(_delete("x", scope="b"), _delete("y", scope="b"))
    assert await state.scopes(NOW_MS) == ["a", "c"]


async def a_change_stores_its_triggers_with_it(nodes: Nodes) -> None:
    node = await nodes.open()
    scope, key = 'o"r☃', "a/b"

    def fields() -> dict[str, Any]:
        return {"scope": scope, "deliveries": [_trigger(nodes)]}

    await node.commit(_put(key, b'{"n": 1}', **fields()))
    await node.commit(_update(key, ("increment", ("n",), 1), **fields()))
    await node.commit(_delete(key, **fields()))
    claims = await node.claim()
    assert [json.loads(payload) for payload in payloads(claims)] == [
        _event("created", scope, key, None, {"n": 1}),
        _event("updated", scope, key, {"n": 1}, {"n": 2}),
        _event("deleted", scope, key, {"n": 2}, None),
    ]
    assert [(claim.trace, claim.enqueued_at_ms) for claim in claims] == [(TRACE, NOW_MS)] * 3


async def a_trigger_has_the_id_queue_and_time_it_was_given(nodes: Nodes) -> None:
    node = await nodes.open()
    at_once, later = _trigger(nodes), _trigger(nodes, due_at_ms=NOW_MS + 5)
    await node.commit(_put("a", b"1", deliveries=[at_once, later]))
    [claim] = await node.claim()
    assert claim.id == at_once.message_id
    [scheduled] = await node.backend.queue.scheduled()
    assert (scheduled.id, scheduled.due_at_ms) == (later.message_id, NOW_MS + 5)


async def deleting_a_missing_key_triggers_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_delete("a", deliveries=[_trigger(nodes)]))
    await node.commit(_update("a", ("remove", ("x",), None), deliveries=[_trigger(nodes)]))
    assert await node.claim() == []


async def a_failed_change_triggers_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    change = _put("a", b"1", deliveries=[_trigger(nodes)])
    await raised_by(node.commit(change, guards=[StateVersion("s", "a", 9)]), ConflictError)
    assert await node.claim() == []


async def a_read_sees_every_resolved_commit(nodes: Nodes) -> None:
    node = await nodes.open()
    for number in range(30):
        value = str(number).encode()
        await node.commit(_put("a", value))
        entry = await node.backend.state.get("s", "a", NOW_MS)
        assert entry is not None
        assert entry.value == value


def _put(key: str, value: bytes, *, scope: str = "s", now_ms: int = NOW_MS, **fields: Any) -> StatePut:
    return StatePut(scope=scope, key=key, value=value, now_ms=now_ms, **fields)


def _delete(key: str, *, scope: str = "s", now_ms: int = NOW_MS, **fields: Any) -> StateDelete:
    return StateDelete(scope=scope, key=key, now_ms=now_ms, **fields)


def _update(
    key: str,
    *operations: tuple[UpdateKind, tuple[str | int, ...], Any],
    scope: str = "s",
    now_ms: int = NOW_MS,
    **fields: Any,
) -> StateUpdate:
    changes = [UpdateOperation(*operation) for operation in operations]
    return StateUpdate(scope=scope, key=key, operations=changes, now_ms=now_ms, **fields)


def _trigger(nodes: Nodes, due_at_ms: int | None = None) -> ChangeDelivery:
    return ChangeDelivery(queue=Q, message_id=nodes.id(), trace=TRACE, due_at_ms=due_at_ms)


def _event(kind: str, scope: str, key: str, old: Any, new: Any) -> dict[str, Any]:
    return {
        "type": "state",
        "event_type": kind,
        "group_id": scope,
        "item_id": key,
        "old_value": old,
        "new_value": new,
    }


async def _expiry(backend: Any) -> int | None:
    entry = await backend.state.get("s", "a", NOW_MS)
    assert entry is not None
    found: int | None = entry.expires_at_ms
    return found
