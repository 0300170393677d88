"""P13: the classic template: `.step.py`, noop, state by trace id."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /default → 200 with a trace id; both languages find the state")
def default(app: Application) -> None:
    answer = app.ask("POST", "/default", {"message": "hi"}, status=200)
    trace = answer["traceId"]
    eventually(lambda: app.state(trace).get("test") == "Welcome to motia!")
    eventually(lambda: app.output().count(trace[:8]) >= 3)


@LINES.add("POST {} → 400")
def refused(app: Application) -> None:
    app.ask("POST", "/default", {}, status=(400, 422))
