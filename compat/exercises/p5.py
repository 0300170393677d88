"""P5: 0.17 in three languages: noop steps, middleware, streams with roles, files, joins across languages."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("GET /hello → 200, and eventually one greeting in state")
def hello(app: Application) -> None:
    answer = app.ask("GET", "/hello", status=200)
    assert answer["message"]
    assert (answer["status"], answer["appName"]) == ("processing", "Motia App")
    eventually(lambda: app.state("greetings"))
    (found,) = app.state("greetings").values()
    assert found["greeting"] == "Hello Motia App!"


@LINES.add("POST /test-state → TypeScript finds what Python wrote, deeply equal")
def state(app: Application) -> None:
    app.ask("POST", "/test-state", {}, status=200)
    eventually(lambda: app.logs("TestStateCheck", "state value is as expected"))


@LINES.add("POST /api/parallel-merge → one trace through both languages, joined at least once, cleared")
def merge(app: Application) -> None:
    trace = app.ask("POST", "/api/parallel-merge", {}, status=200)["traceId"]
    eventually(lambda: app.logs("JoinComplete", "Handling Join Complete", trace))
    (line, *_) = app.logs("join-step", "All steps are complete", trace)
    assert {"stepA", "stepB", "stepC"} <= line["data"].keys()
    eventually(lambda: {"Parallel Merge", "stepA", "stepB", "stepC", "join-step"} <= set(app.runs(trace)))
    eventually(lambda: app.state(trace) == {})


@LINES.add("POST /test-python → Python middleware changed the request")
def middleware(app: Application) -> None:
    answer = app.http.post("/test-python", json={"x": 1})
    assert answer.status_code == 200
    eventually(lambda: app.logs("Test API Endpoint", "enriched is yes"))
    trace = app.logs("Test API Endpoint", "enriched is yes")[-1]["trace_id"]
    assert app.state(trace)["enriched"] == "yes"


@LINES.add("files: html and pdf, byte for byte")
def files(app: Application) -> None:
    for name, kind in (("index.html", "text/html"), ("sample.pdf", "application/pdf")):
        answer = app.http.get(f"/files/{name}")
        assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text[:120]}"
        assert answer.headers["content-type"].startswith(kind)
        assert answer.content == app.file(f"src/test/{name}")


@LINES.add("POST /rbac-stream/t1 → 200 created by the assistant")
def rbac(app: Application) -> None:
    answer = app.ask("POST", "/rbac-stream/t1", {"message": "hi", "streamName": "rbac_message"}, status=200)
    assert (answer["status"], answer["from"]) == ("created", "assistant")


@LINES.add("a token of either language may follow its own stream, not the other's")
def tokens(app: Application) -> None:
    streams = {"token-nodejs": "rbac_message", "token-python": "rbac_message_python"}
    for token, own in streams.items():
        with app.following("Authorization", token) as follower:
            for stream in streams.values():
                answer = follower.join(stream, "t1")
                if stream == own:
                    assert answer["type"] == "sync", answer
                else:
                    assert answer["event"]["data"]["code"] == "STREAM_ACCESS_DENIED"


@LINES.add("POST /array: {} → 400, an array is taken")
def array(app: Application) -> None:
    app.ask("POST", "/array", {}, status=(400, 422))
    pet = {"name": "Rex", "photoUrl": "https://example.com/rex.png"}
    # The handler asks a service on the network, which may not answer here: the array itself is taken.
    app.ask("POST", "/array", [{"pet": pet}], status=(200, 500))
    assert app.logs("ArrayStep", "Processing API Step")


@LINES.add("the noop step is in the flow, with its own node beside it")
def noop(app: Application) -> None:
    assert "Test the flow" in app.run("steps", "--json")
    assert b"Node" in app.file("src/parallelMergeState/noopStartButton.step.tsx")


@LINES.add("GET /rb-api → 200: Ruby")
def ruby(app: Application) -> None:
    assert app.ask("GET", "/rb-api", status=200) == {"rbResponse": "Hello from Ruby!"}
