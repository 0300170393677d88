"""P14: plain ES modules of a user, two config files, a cron of the wrong arity."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /upload → 200 with the rows received, and the chain's logs")
def upload(app: Application) -> None:
    data = [{"a": 1, "c": "x"}, {"a": 1, "c": "x"}, {"a": 2, "c": "y"}]
    assert app.ask("POST", "/upload", {"data": data}, status=200)["rowsReceived"] == 3
    eventually(lambda: "data.visualized" in app.output() or "chart" in app.output().lower())


@LINES.add("POST {} and POST without a body → 400")
def refused(app: Application) -> None:
    app.ask("POST", "/upload", {}, status=(400, 422))
    app.ask("POST", "/upload", status=(400, 422))


@LINES.add("DailyReport by hand: an error of that run, and the server lives")
def report(app: Application) -> None:
    app.run("cron", "run", "DailyReport")
    eventually(lambda: "getAll" in app.output())
    assert app.is_ready()
