"""GET /hello"""

from __future__ import annotations

from motia import http, step


@step(http("GET", "/hello"))
async def hello(name: str = "world") -> dict[str, str]:
    return {"message": f"Hello, {name}!"}
