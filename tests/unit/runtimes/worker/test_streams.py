"""What a stream of a worker may send, and when it is told to send more."""

from __future__ import annotations

import asyncio

from motia.runtimes.worker.streams import IncomingStream


def stream_of(credit: int) -> tuple[IncomingStream, list[int]]:
    given: list[int] = []
    return IncomingStream(given.append, lambda: None, credit=credit), given


def test_a_large_item_takes_more_credit_and_gives_it_back_when_it_is_read() -> None:
    stream, given = stream_of(8)
    assert stream.put(["small", "large"], 7)
    assert stream.put(["larger"], 40), "one item may take more than is left"
    assert not stream.put(["no credit is left"])
    assert [asyncio.run(_next(stream)) for _ in range(3)] == ["small", "large", "larger"]
    assert sum(given) == 47
    assert stream.put(["again"])


def test_a_chunk_that_says_nothing_takes_one_an_item() -> None:
    stream, given = stream_of(4)
    assert stream.put([1, 2, 3])
    assert not stream.put([4, 5])
    assert not stream.put([4], 0), "never less than one an item"
    assert not stream.put([4], "many")
    assert stream.put([4])
    assert given == []


async def _next(stream: IncomingStream) -> object:
    return await anext(stream)
