"""The pets that P3 and P4 have in every language: the same routes, message and stream."""

from __future__ import annotations

import json
from typing import Any

from application import Application, Follower, Lines, eventually

_PET = {"name": "Rex", "species": "dog", "ageMonths": 5, "weightKg": 10, "symptoms": []}


def pets_lines(languages: tuple[str, ...]) -> Lines:
    """What the steps of these languages do, and that nothing runs in a storm."""
    lines = Lines()
    for language in languages:
        _add(lines, language)

    @lines.add("the stream is there once")
    def once(app: Application) -> None:
        assert "'petCreation' is defined twice" not in app.output()
        with app.following() as follower:
            assert follower.join("petCreation", "none")["type"] == "sync"

    @lines.add("without a key of the paid service: an error is logged, the server lives, nothing is retried")
    def alive(app: Application) -> None:
        for language in languages:
            step = f"{language.capitalize()}AiProfileEnrichment"
            if f"{language}-created" in app.kept:
                eventually(lambda step=step: app.logs(step, "OPENAI_API_KEY"))  # type: ignore[misc]  # bound now
        assert app.is_ready()
        assert "runs again" not in app.output()

    return lines


def _add(lines: Lines, language: str) -> None:
    pets = f"/{language}/pets"

    def create(app: Application, symptoms: list[str]) -> tuple[str, str]:
        """The group and the first message of a new pet's stream."""
        made = app.ask("POST", pets, {**_PET, "symptoms": symptoms}, status=201)
        assert "Rex" in made["message"]
        assert "ID: " in made["message"]
        app.kept[f"{language}-created"] = made["message"].split("ID: ")[1].split(")")[0]
        return made["__motia"]["groupId"], made["message"]

    def follow(app: Application, symptoms: list[str], expected: tuple[str, str]) -> None:
        group, _ = create(app, symptoms)
        with app.following() as follower:
            items = {item["id"]: item for item in follower.join("petCreation", group)["data"]}
            seen = [items["message"]["message"]]
            while expected[1] not in seen[-1]:
                seen += _messages(follower)
            assert any("quarantine" in text or "created" in text for text in seen)
            assert any(expected[0] in text for text in seen), seen

    @lines.add(f"{language}: POST → 201 with the pet in the stored message")
    def made(app: Application) -> None:
        create(app, [])

    @lines.add(f"{language}: a follower hears of quarantine, health check, and that it is ready")
    def well(app: Application) -> None:
        follow(app, [], ("Health check passed", "ready for adoption"))

    @lines.add(f"{language}: with symptoms, a follower hears of the failed check and treatment")
    def ill(app: Application) -> None:
        follow(app, ["cough"], ("Health check failed", "needs medical treatment"))

    @lines.add(f"{language}: DELETE → 202 with purgeAt; unknown → 404")
    def delete(app: Application) -> None:
        found = app.ask("GET", pets, status=200)
        found = found if isinstance(found, list) else next(v for v in found.values() if isinstance(v, list))
        gone = app.ask("DELETE", f"{pets}/{found[-1]['id']}", status=202)
        assert "purgeAt" in json.dumps(gone)
        for unknown in ("none", "999"):
            app.ask("GET", f"{pets}/{unknown}", status=404)
            app.ask("DELETE", f"{pets}/{unknown}", status=404)


def _messages(follower: Follower) -> list[str]:
    """What the next event says of the item; nothing if it is of another one."""
    event: dict[str, Any] = follower.next(30)
    assert event["type"] in ("create", "update"), event
    return [str(event["data"]["message"])] if event["data"]["id"] == "message" else []
