"""Schedules: each time is fired once over all nodes."""

from __future__ import annotations

import asyncio

from motia.core.batch import Batch, Fire
from motia.core.message import QueueDepth
from motia.testing.conformance.harness import NOW_MS, OTHER, Nodes, Q, complete, needs, payloads


async def a_time_is_fired_once(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.one(_fire(nodes, b"1")) is True
    assert await node.one(_fire(nodes, b"2")) is False
    assert payloads(await node.claim()) == [b"1"]
    assert await node.backend.schedule.marks() == {"daily": NOW_MS}


@needs("shared")
async def a_time_is_fired_once_over_all_nodes(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    for at_ms in range(NOW_MS, NOW_MS + 5):
        fired = await asyncio.gather(
            *(node.backend.commit(Batch([_fire(nodes, b"1", at_ms=at_ms)])) for node in team)
        )
        assert sorted(result for [result] in fired) == [False, False, True]
    assert len(await team[0].claim()) == 5


async def a_time_before_the_last_fired_one_is_refused(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_fire(nodes, b"1", at_ms=NOW_MS + 10))
    assert await node.one(_fire(nodes, b"2", at_ms=NOW_MS + 9)) is False
    assert await node.one(_fire(nodes, b"3", at_ms=NOW_MS + 11)) is True
    assert payloads(await node.claim()) == [b"1", b"3"]
    assert await node.backend.schedule.marks() == {"daily": NOW_MS + 11}


async def schedules_are_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    results = await node.commit(_fire(nodes, b"1"), _fire(nodes, b"2", key="hourly"))
    assert results == [True, True]
    assert await node.backend.schedule.marks() == {"daily": NOW_MS, "hourly": NOW_MS}


async def only_the_mark_is_written_if_the_queue_is_busy(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"elsewhere", OTHER))
    assert await node.one(_fire(nodes, b"1", only_if_idle=True)) is True
    [claim] = await node.claim()
    # A message that is being run keeps the queue busy.
    assert await node.one(_fire(nodes, b"2", at_ms=NOW_MS + 1, only_if_idle=True)) is False
    assert await node.backend.schedule.marks() == {"daily": NOW_MS + 1}
    await node.commit(complete(claim))
    assert await node.depth() == QueueDepth(queue=Q)
    # The time that was passed over does not come back.
    assert await node.one(_fire(nodes, b"2", at_ms=NOW_MS + 1, only_if_idle=True)) is False
    assert await node.one(_fire(nodes, b"3", at_ms=NOW_MS + 2, only_if_idle=True)) is True


async def a_fired_message_is_there_to_be_claimed_by_anyone(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1", claim_for=node.id)
    assert await node.one(Fire(key="daily", at_ms=NOW_MS, message=message)) is True
    assert [claim.id for claim in await node.claim()] == [message.id]


def _fire(
    nodes: Nodes, payload: bytes, *, key: str = "daily", at_ms: int = NOW_MS, only_if_idle: bool = False
) -> Fire:
    return Fire(key=key, at_ms=at_ms, message=nodes.message(payload), only_if_idle=only_if_idle)
