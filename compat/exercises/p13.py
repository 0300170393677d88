"""P13: the classic template: `.step.py`, noop, state by trace id."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /default → 200 with a trace id; state is kept below it; both languages log success")
def default(app: Application) -> None:
    answer = app.ask("POST", "/default", {"message": "hi"}, status=200)
    assert answer["message"]
    trace = answer["traceId"]
    eventually(lambda: app.state(trace).get("test") == "Welcome to motia!")
    for step in ("CheckStateChange", "MyPythonStep"):
        eventually(lambda step=step: app.logs(step, trace=trace))  # type: ignore[misc]  # bound now
        assert not [line for line in app.logs(step, trace=trace) if line["level"] == "error"]


@LINES.add("POST {} → 400")
def refused(app: Application) -> None:
    app.ask("POST", "/default", {}, status=(400, 422))
