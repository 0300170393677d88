"""Runs the whole project in this process, its TypeScript and JavaScript in their worker."""

from __future__ import annotations

from motia.testing import TestApp


async def test_a_greeting_goes_through_all_languages(app: TestApp) -> None:
    asked = await app.http.post("/greetings", json={"name": "Ann"})
    assert asked.status_code == 202
    await app.until_idle()
    read = await app.http.get(f"/greetings/{asked.json()['id']}")
    assert read.json() == {"text": "Hello Ann, says Python"}


async def test_a_greeting_needs_a_name(app: TestApp) -> None:
    refused = await app.http.post("/greetings", json={})
    assert refused.status_code == 422
