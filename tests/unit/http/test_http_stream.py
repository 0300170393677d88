from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from motia.authoring.results import SSE, EventSource
from motia.errors import HandlerError
from motia.http.response import HttpResponse, started, to_response
from motia.http.stream import Stream


async def items(*values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


def sent(value: Any) -> tuple[dict[bytes, bytes], bytes]:
    async def run() -> tuple[dict[bytes, bytes], bytes]:
        response = await started(to_response(value))
        assert not isinstance(response.body, bytes)
        return dict(response.headers), b"".join([chunk async for chunk in response.body])

    return asyncio.run(run())


def test_text_and_bytes_go_out_as_they_are() -> None:
    assert sent(items("a", b"b", bytearray(b"c"))) == (
        {b"content-type": b"text/plain; charset=utf-8"},
        b"abc",
    )
    assert sent(items(b"a")) == ({b"content-type": b"application/octet-stream"}, b"a")
    assert sent(items())[1] == b""


def test_objects_become_server_sent_events() -> None:
    headers, body = sent(items({"n": 1}, "two\nlines", [3]))
    assert headers == {
        b"content-type": b"text/event-stream; charset=utf-8",
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
    }
    assert body == b'data: {"n":1}\n\ndata: two\ndata: lines\n\ndata: [3]\n\n'


def test_the_frameworks_own_event_source() -> None:
    source = EventSource(items(SSE({"a": 1}, event="tick", id="7"), "text", SSE(comment="still here")))
    headers, body = sent(source)
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert body == b'event: tick\nid: 7\ndata: {"a":1}\n\ndata: text\n\n: still here\n\n'
    assert sent(EventSource([1, 2]))[1] == b"data: 1\n\ndata: 2\n\n"


def test_event_fields() -> None:
    class Event:
        data, event, id, retry = {"a": 1}, "tick", "7", 500

    _, body = sent(items(Event(), {"event": "x", "data": "y", "id": 8}, {"data": None, "comment": "hi"}))
    assert body == (b'event: tick\nid: 7\nretry: 500\ndata: {"a":1}\n\nevent: x\nid: 8\ndata: y\n\n: hi\n\n')


@pytest.mark.parametrize(
    "bad", [{"data": 1, "event": "a\nb"}, {"data": 1, "retry": "soon"}, {"data": object()}]
)
def test_bad_events_are_refused(bad: Any) -> None:
    with pytest.raises(HandlerError):
        sent(items(bad))


def test_frames_written_by_hand_pass_and_tokens_do_not_look_like_frames() -> None:
    response = {
        "status": 200,
        "headers": {"content-type": "text/event-stream", "cache-control": "no-cache"},
        "body": items("data: x\n\n", "\n\n", "tok"),
    }
    headers, body = sent(response)
    assert body == b"data: x\n\ndata: \ndata: \ndata: \n\ndata: tok\n\n"
    assert headers[b"cache-control"] == b"no-cache"


def test_objects_of_another_media_type_are_json_lines() -> None:
    response = {
        "status": 201,
        "headers": {"content-type": "application/x-ndjson"},
        "body": items({"a": 1}, {"b": 2}),
    }
    assert sent(response) == ({b"content-type": b"application/x-ndjson"}, b'{"a":1}\n{"b":2}\n')


def test_sync_generators_run_outside_the_loops_thread() -> None:
    threads = set()

    def generate() -> Iterator[str]:
        for text in "ab":
            threads.add(threading.get_ident())
            yield text

    assert sent(generate())[1] == b"ab"
    assert threading.get_ident() not in threads


def test_an_error_before_the_first_item_can_still_be_answered() -> None:
    async def broken() -> AsyncIterator[str]:
        raise LookupError("early")
        yield ""

    async def run() -> HttpResponse:
        return await started(to_response(broken()))

    with pytest.raises(LookupError, match="early"):
        asyncio.run(run())


def test_an_error_in_the_middle_comes_out_of_the_iterator() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("late")

    async def run() -> None:
        response = await started(to_response(broken()))
        assert isinstance(response.body, Stream)
        assert await anext(response.body) == b"a"
        with pytest.raises(LookupError, match="late"):
            await anext(response.body)

    asyncio.run(run())


def test_closing_runs_the_generators_finally() -> None:
    ended = []

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
        finally:
            ended.append("async")

    def endless_sync() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            ended.append("sync")

    async def run() -> None:
        for value in (endless(), endless_sync()):
            response = await started(to_response(value))
            assert isinstance(response.body, Stream)
            await anext(response.body)
            await response.body.aclose()
            await response.body.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(response.body)

    asyncio.run(run())
    assert ended == ["async", "sync"]


def test_closing_waits_for_the_thread_inside_a_sync_generator() -> None:
    entered, leave = threading.Event(), threading.Event()
    ended = []

    def slow() -> Iterator[str]:
        try:
            entered.set()
            leave.wait()
            yield "x"
        finally:
            ended.append(True)

    async def run() -> None:
        stream = Stream(slow())
        reading = asyncio.ensure_future(stream.start())
        await asyncio.to_thread(entered.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        closing = asyncio.ensure_future(stream.aclose())
        leave.set()
        await closing

    asyncio.run(run())
    assert ended == [True]


def test_bytes_need_no_start() -> None:
    response = to_response({"a": 1})
    assert asyncio.run(started(response)) is response
