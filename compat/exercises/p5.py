"""P5: 0.17 in three languages: noop steps, middleware, streams with roles, files, joins across languages."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("GET /hello → 200, and eventually a greeting in state")
def hello(app: Application) -> None:
    answer = app.ask("GET", "/hello", status=200)
    assert answer["status"] == "processing"
    eventually(lambda: any("Hello" in str(item) for item in app.state("greetings").values()))


@LINES.add("POST /test-state → the check finds what Python wrote")
def state(app: Application) -> None:
    app.ask("POST", "/test-state", {}, status=200)
    eventually(lambda: "as expected" in app.output())


@LINES.add("POST /api/parallel-merge → 200 with a trace id")
def merge(app: Application) -> None:
    assert "traceId" in app.ask("POST", "/api/parallel-merge", {}, status=200)


@LINES.add("POST /test-python → Python middleware changed the request")
def middleware(app: Application) -> None:
    app.ask("POST", "/test-python", {"x": 1}, status=200)
    eventually(lambda: "enriched" in app.output())


@LINES.add("files: html and pdf, byte for byte")
def files(app: Application) -> None:
    for name, kind in (("index.html", "text/html"), ("sample.pdf", "application/pdf")):
        answer = app.http.get(f"/files/{name}")
        assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text[:120]}"
        assert answer.headers["content-type"].startswith(kind)
        assert len(answer.content) > 100


@LINES.add("POST /rbac-stream/t1 → 200 created")
def rbac(app: Application) -> None:
    answer = app.ask("POST", "/rbac-stream/t1", {"message": "hi", "streamName": "rbac_message"}, status=200)
    assert answer["status"] == "created"


@LINES.add("POST /array: {} → 400, an array is taken")
def array(app: Application) -> None:
    app.ask("POST", "/array", {}, status=(400, 422))


@LINES.add("GET /rb-api → 200: Ruby")
def ruby(app: Application) -> None:
    app.ask("GET", "/rb-api", status=200)
