"""Runs the real step in this process, without ports; `app` comes with the framework."""

from __future__ import annotations

from motia.testing import TestApp


async def test_hello(app: TestApp) -> None:
    response = await app.http.get("/hello?name=Ada")
    assert response.status_code == 200
    assert response.json() == {"message": "Hello, Ada!"}
