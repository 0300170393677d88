"""The floor: a raw ASGI application on uvicorn that only echoes. No framework, no validation.

At `/validated` it reads and writes the order with Pydantic: what no framework that validates can go below.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from orders import Order

_HELLO = b'{"message":"hello"}'


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answers GET with a constant and POST with the body it got."""
    body = _HELLO
    if scope["method"] == "POST":
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        if scope["path"] == "/validated":
            order = Order.__pydantic_validator__.validate_json(body)
            body = Order.__pydantic_serializer__.to_json(order)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        # Ours sends neither header, so the floor does not pay for them.
        server_header=False,
        date_header=False,
    )
