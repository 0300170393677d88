"""The how-to page on protecting streams does what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
from real_process import Project, eventually, run

sys.path.append(str(Path(__file__).parents[1] / "docs"))

from markdown_pages import ROOT, snippets_of

PAGE = ROOT / "docs" / "how-to" / "protect-streams.md"


def _as(user: str) -> dict[str, str]:
    return {"authorization": f"Bearer {user}-secret"}


def test_only_who_may_follow_is_told_a_note(real_project: Project) -> None:
    for snippet in snippets_of(PAGE):
        if snippet.file is not None:
            (real_project.folder / snippet.file).write_text(snippet.text, "utf-8")

    async def main() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            async with httpx.AsyncClient(base_url=f"{base}/__motia/streams", timeout=40) as client:
                assert (await client.get("/notes/ada")).status_code == 401
                assert (await client.get("/notes/ada", headers=_as("bob"))).status_code == 403
                assert (await client.get("/notes/bob", headers=_as("ada"))).status_code == 403
                await client.post(f"{base}/notes/ada", json={"text": "buy tea"})
                async with client.stream("GET", "/notes/ada", headers=_as("ada")) as answer:
                    lines = answer.aiter_lines()
                    data = await anext(line async for line in lines if line.startswith("data: "))
                    event = json.loads(data.removeprefix("data: "))["event"]
                    assert [item["text"] for item in event["data"]] == ["buy tea"]
                by_query = "/notes/ada?authToken=ada-secret"
                async with client.stream("GET", by_query) as answer:
                    assert answer.status_code == 200

                async def present(wanted: int) -> bool | None:
                    found = real_project.command("state", "get", "present", "hall", "--json")
                    return (
                        found.returncode == 0 and f'"count":{wanted}' in found.stdout.replace(" ", "")
                    ) or None

                async with client.stream("GET", "/room/hall", headers=_as("bob")) as answer:
                    assert answer.status_code == 200
                    await eventually(lambda: present(1), 40)
                await eventually(lambda: present(0), 40)

    run(main)
