"""P1: the same routes in three languages, over one file in the working directory."""

from __future__ import annotations

from application import Application, Lines

LINES = Lines()


def _add(language: str) -> None:
    pets = f"/{language}/pets"

    @LINES.add(f"{language}: POST → 201, GET list and one → 200, PUT → 200")
    def write(app: Application) -> None:
        pet = app.ask("POST", pets, {"name": "Rex", "species": "dog", "ageMonths": 5}, status=201)
        assert isinstance(pet["id"], str)
        assert (pet["status"], pet["name"]) == ("new", "Rex")
        assert pet["id"] in [one["id"] for one in app.ask("GET", pets, status=200)]
        app.ask("GET", f"{pets}/{pet['id']}", status=200)
        assert app.ask("PUT", f"{pets}/{pet['id']}", {"name": "Max"}, status=200)["name"] == "Max"
        app.kept[language] = pet["id"]

    @LINES.add(f"{language}: DELETE → 204 and empty, GET again → 404")
    def delete(app: Application) -> None:
        assert app.ask("DELETE", f"{pets}/{app.kept[language]}", status=204) == ""
        app.ask("GET", f"{pets}/{app.kept[language]}", status=404)

    @LINES.add(f"{language}: POST {{}} → 400 with a message, DELETE unknown → 404")
    def refused(app: Application) -> None:
        answer = app.ask("POST", pets, {}, status=(400, 422))
        assert "message" in answer or "detail" in answer  # the handler's, or of a declared schema
        app.ask("DELETE", f"{pets}/none", status=404)


for _language in ("ts", "js", "py"):
    _add(_language)
