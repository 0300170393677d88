"""The pets that P3 and P4 have in every language: the same routes, message and stream."""

from __future__ import annotations

import json

from application import Application, Lines, eventually

_PET = {"name": "Rex", "species": "dog", "ageMonths": 5, "weightKg": 10, "symptoms": []}


def pets_lines(languages: tuple[str, ...]) -> Lines:
    """What the steps of these languages do, and that nothing runs in a storm."""
    lines = Lines()
    for language in languages:
        _add(lines, language)

    @lines.add("the server lives, and nothing was retried in a storm")
    def alive(app: Application) -> None:
        eventually(app.is_ready)
        assert app.output().count("runs again") < 20

    return lines


def _add(lines: Lines, language: str) -> None:
    pets = f"/{language}/pets"

    @lines.add(f"{language}: POST → 201 and a message with the pet's name; a follower sees it change")
    def create(app: Application) -> None:
        from websockets.sync.client import connect

        answer = app.ask("POST", pets, _PET, status=201)
        text = json.dumps(answer)
        assert "Rex" in text
        group = (answer.get("__motia") or {}).get("groupId") or answer.get("groupId")
        if group is None:
            return
        with connect(f"ws://127.0.0.1:{app.port}") as socket:
            join = {"subscriptionId": "1", "streamName": "petCreation", "groupId": group}
            socket.send(json.dumps({"type": "join", "data": join}))
            seen = [json.loads(socket.recv(timeout=20)) for _ in range(2)]
            assert seen[0]["event"]["type"] == "sync"

    @lines.add(f"{language}: GET list → 200; GET and DELETE unknown → 404")
    def read(app: Application) -> None:
        found = app.ask("GET", pets, status=200)
        found = found if isinstance(found, list) else next(v for v in found.values() if isinstance(v, list))
        app.kept[language] = found[-1]["id"]
        app.ask("GET", f"{pets}/none", status=404)
        app.ask("DELETE", f"{pets}/none", status=404)

    @lines.add(f"{language}: DELETE → 202 with purgeAt")
    def delete(app: Application) -> None:
        assert "purgeAt" in json.dumps(app.ask("DELETE", f"{pets}/{app.kept[language]}", status=202))
