"""P14: plain ES modules of a user, two config files, a cron of the wrong arity."""

from __future__ import annotations

from typing import Any

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /upload → 200 with the rows received; the chain detects, cleans and draws")
def upload(app: Application) -> None:
    data = [{"a": 1, "c": "x"}, {"a": 1, "c": "x"}, {"a": 2, "c": "y"}]
    assert app.ask("POST", "/upload", {"data": data}, status=200)["rowsReceived"] == 3
    expected = (
        ("DetectData", {"numericFields": ["a"], "categoricalFields": ["c"]}),
        ("CleanData", {"before": 3, "after": 2}),
        ("VisualizeData", {"count": 2}),
    )
    for step, found in expected:

        def drawn(step: str = step, found: dict[str, Any] = found) -> bool:
            return found in [line["data"] for line in app.logs(step)]

        eventually(drawn)


@LINES.add("POST {} and POST without a body → 400")
def refused(app: Application) -> None:
    app.ask("POST", "/upload", {}, status=(400, 422))
    app.ask("POST", "/upload", status=(400, 422))


@LINES.add("DailyReport by hand: an error of that run, and the server lives")
def report(app: Application) -> None:
    app.run("cron", "run", "DailyReport")
    eventually(lambda: "state.getAll is not a function" in app.output())
    # Its attempts take 15 s; until the last one has failed, its trace is no failure.
    eventually(lambda: '"DailyReport"' in app.run("traces", "--status", "failed", "--json"), 60)
    assert app.is_ready()
