"""Responses that a handler writes piece by piece: `request.response`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia.authoring.request import Request
from motia.runtimes.python.responding import respond, writes_response
from motia.testing.app import TestApp

_ASYNC = """
    config = {"name": "Events", "triggers": [http("POST", "/events")]}

    async def handler(args: MotiaHttpArgs, ctx):
        request, response = args.request, args.response
        await response.status(201)
        await response.headers({"content-type": "text/event-stream"})
        parts = [piece.decode() for piece in request.request_body.stream]
        parts += [piece.decode() async for piece in request.requestBody.stream]
        parts.append((await request.request_body.read_all()).decode())
        await ctx.state.set("seen", "body", parts)
        for part in parts:
            response.writer.stream.write(f"data: {part}\\n\\n".encode())
        response.close()
"""
_SYNC = """
    config = {"name": "Lines", "triggers": [http("GET", "/lines")]}

    def handler(request, ctx):
        def write(piece):
            request["response"].stream.write(piece)
        request.response.headers({"x-kind": "lines"})
        for number in range(200):
            write(f"{number}\\n")
"""
_MODES = """
    config = {"name": "Modes", "triggers": [http("GET", "/modes/:mode")]}

    async def handler(request):
        mode = request.path_params["mode"]
        if mode == "nothing":
            await request.response.status(204)
        elif mode == "early":
            raise ValueError("early")
        elif mode == "closed":
            request.response.write("a")
            request.response.close()
            try:
                request.response.write("b")
            except BrokenPipeError:
                print("closed")
        else:
            return {"mode": mode}
"""


def test_a_handler_writes_its_response(project: Any) -> None:
    project.step("events", _ASYNC)
    project.step("lines", _SYNC)
    project.step("modes", _MODES)

    async def scenario(app: TestApp) -> None:
        answer = await app.http.post("/events", content="a=1")
        assert (answer.status_code, answer.headers["content-type"]) == (201, "text/event-stream")
        assert answer.text == "data: a=1\n\n" * 3
        assert await app.state.get("seen", "body") == ["a=1"] * 3
        answer = await app.http.get("/lines")
        assert (answer.status_code, answer.headers["x-kind"]) == (200, "lines")
        assert answer.text == "".join(f"{number}\n" for number in range(200))
        answer = await app.http.get("/modes/nothing")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await app.http.get("/modes/early")).status_code == 500
        assert (await app.http.get("/modes/returned")).json() == {"mode": "returned"}
        assert (await app.http.get("/modes/closed")).text == "a"

    project.run(scenario)


def test_the_response_begins_before_the_handler_ends() -> None:
    async def scenario() -> None:
        request: Request[Any] = Request()
        go = asyncio.Event()

        async def handler() -> None:
            await request.response.write("first")
            await go.wait()
            await request.response.write("last")

        answer = await respond(request, handler)
        pieces = answer["body"]
        assert await anext(pieces) == "first"
        go.set()
        assert [piece async for piece in pieces] == ["last"]

    asyncio.run(scenario())


def test_a_client_that_leaves_ends_the_handler() -> None:
    async def scenario() -> None:
        request: Request[Any] = Request()
        ended = asyncio.Event()

        async def handler() -> None:
            try:
                while True:
                    await request.response.write("more")  # waits once nobody reads
            finally:
                ended.set()

        pieces = (await respond(request, handler))["body"]
        assert await anext(pieces) == "more"
        await pieces.aclose()
        await ended.wait()
        with pytest.raises(BrokenPipeError):
            request.response.write("too late")

    asyncio.run(scenario())


def test_what_the_handler_raises_ends_the_response_with_an_error() -> None:
    async def scenario() -> None:
        request: Request[Any] = Request()

        async def handler() -> None:
            await request.response.write("first")
            raise ValueError("in the middle")

        pieces = (await respond(request, handler))["body"]
        assert await anext(pieces) == "first"
        with pytest.raises(ValueError, match="in the middle"):
            await anext(pieces)

    asyncio.run(scenario())


def test_only_code_that_names_the_response_is_given_one() -> None:
    def reads(request: Any) -> Any:
        response = request.body
        return str(response)

    def nested(request: Any) -> Any:
        return [one(request) for one in (lambda given: given.response,)]

    assert not writes_response(reads)
    assert writes_response(nested)
