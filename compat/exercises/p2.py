"""P2: requests to events to events in three languages, with topics that nobody declared."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


def _add(language: str) -> None:
    pets = f"/{language}/pets"

    def pet(app: Application) -> dict[str, object]:
        found: dict[str, object] = app.ask("GET", f"{pets}/{app.kept[language]}", status=200)
        return found

    @LINES.add(f"{language}: POST → 201 new, eventually in quarantine with notes and a feeding time")
    def create(app: Application) -> None:
        made = app.ask("POST", pets, {"name": "Tom", "species": "cat", "ageMonths": 2}, status=201)
        assert made["status"] == "new"
        app.kept[language] = made["id"]
        eventually(lambda: pet(app)["status"] == "in_quarantine")
        eventually(lambda: str(pet(app).get("notes", "")).startswith("Welcome"))
        eventually(lambda: pet(app).get("nextFeedingAt"))

    @LINES.add(f"{language}: PUT healthy → 202, eventually healthy")
    def healthy(app: Application) -> None:
        asked = app.ask("PUT", f"{pets}/{app.kept[language]}", {"status": "healthy"}, status=202)
        assert {"petId", "currentStatus", "requestedStatus"} <= asked.keys()
        eventually(lambda: pet(app)["status"] in ("healthy", "available"))

    @LINES.add(f"{language}: PUT available → pending → adopted, each eventually")
    def adopted(app: Application) -> None:
        for status in ("available", "pending", "adopted"):
            if pet(app)["status"] != status:
                app.ask("PUT", f"{pets}/{app.kept[language]}", {"status": status}, status=202)
            eventually(lambda status=status: pet(app)["status"] == status)  # type: ignore[misc]  # bound now


for _language in ("ts", "js", "py"):
    _add(_language)
