"""P2: requests to events to events in three languages, with topics that nobody declared."""

from __future__ import annotations

import time
from typing import Any

from application import Application, Lines, eventually

LINES = Lines()
_DAY_MS = 24 * 60 * 60 * 1000


def _add(language: str) -> None:
    pets = f"/{language}/pets"
    prefix = language.capitalize()

    def pet(app: Application) -> dict[str, Any]:
        found: dict[str, Any] = app.ask("GET", f"{pets}/{app.kept[language]}", status=200)
        return found

    @LINES.add(f"{language}: POST → 201 new, eventually in quarantine, welcomed, fed in a day")
    def create(app: Application) -> None:
        made = app.ask("POST", pets, {"name": "Tom", "species": "cat", "ageMonths": 2}, status=201)
        assert made["status"] == "new"
        app.kept[language] = made["id"]
        eventually(lambda: pet(app)["status"] == "in_quarantine")
        found = pet(app)
        assert found["notes"].startswith("Welcome")
        assert abs(found["nextFeedingAt"] - (time.time() * 1000 + _DAY_MS)) < 60_000

    @LINES.add(f"{language}: PUT healthy → 202 with both statuses, eventually healthy")
    def healthy(app: Application) -> None:
        asked = app.ask("PUT", f"{pets}/{app.kept[language]}", {"status": "healthy"}, status=202)
        assert asked["petId"] == app.kept[language]
        assert (asked["currentStatus"], asked["requestedStatus"]) == ("in_quarantine", "healthy")
        eventually(lambda: pet(app)["status"] in ("healthy", "available"))  # healthy goes on by itself

    @LINES.add(f"{language}: PUT adopted → 202, but nothing changes and a warning says why")
    def invalid(app: Application) -> None:
        app.ask("PUT", f"{pets}/{app.kept[language]}", {"status": "adopted"}, status=202)
        own = f'"petId": "{app.kept[language]}"'

        def warned() -> bool:
            found = app.logs(f"{prefix}PetLifecycleOrchestrator", "Invalid transition: cannot change from")
            return any(line["level"] == "warning" and own in str(line).replace("'", '"') for line in found)

        eventually(warned)
        assert pet(app)["status"] in ("healthy", "available")

    @LINES.add(f"{language}: available, then pending, then adopted, each eventually")
    def adopted(app: Application) -> None:
        for status in ("available", "pending", "adopted"):
            if pet(app)["status"] != status:
                app.ask("PUT", f"{pets}/{app.kept[language]}", {"status": status}, status=202)
            eventually(lambda status=status: pet(app)["status"] == status)  # type: ignore[misc]  # bound now

    @LINES.add(f"{language}: the reaper by hand finds nothing to purge, and succeeds")
    def reaper(app: Application) -> None:
        step = f"{prefix}DeletionReaper"
        app.run("cron", "run", step)
        eventually(lambda: app.logs(step, "no pets to purge"))
        assert not [line for line in app.logs(step) if line["level"] == "error"]


for _language in ("ts", "js", "py"):
    _add(_language)


@LINES.add("topics that nobody declared: a warning, no failed run")
def undeclared(app: Application) -> None:
    eventually(lambda: "py.lifecycle.transition.completed" in app.output())
    assert app.run("traces", "--status", "failed", "--json").strip() == "[]"
