"""Requests through the whole engine: failures as problems, auth, middleware, dependencies, lifespan."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia.errors import DefinitionError
from motia.server.asgi import Asgi
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock
from motia.testing.http import Answer


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert "_step.py" not in answer.text
    return body


@pytest.mark.parametrize("trusted", [True, False])
def test_a_trace_goes_on_from_its_caller_to_whom_the_handler_calls(project: Any, trusted: bool) -> None:
    project.step(
        "between",
        """
        config = {"name": "Between", "triggers": [http("GET", "/between")]}
        async def handler(request, ctx):
            return {"trace": ctx.trace_id, "onward": ctx.traceparent}
        """,
    )
    trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    async def scenario(app: TestApp) -> None:
        for header, names in (
            (f"00-{trace_id}-{parent_id}-01", True),
            (f"00-{trace_id}-{parent_id}", False),
            (f"00-{'0' * 32}-{parent_id}-01", False),
            (f"00-{trace_id}-{'0' * 16}-01", False),
            ("junk", False),
        ):
            answer = (await app.http.get("/between", headers={"traceparent": header})).json()
            assert (answer["trace"] == trace_id) is (names and trusted), header
            span = app.spans[-1]
            assert span.parent_id == (parent_id if names and trusted else None)
            assert answer["onward"] == f"00-{span.trace_id}-{span.span_id}-01"

    project.run(scenario, tracing={"trust_traceparent": trusted})


def test_failures_of_a_handler_are_500_with_a_trace_id_and_no_stack(project: Any) -> None:
    project.step(
        "fail",
        """
        import sys
        config = {"name": "Fail", "triggers": [http("POST", "/fail")]}
        async def handler(request, ctx):
            kind = request.body
            if kind == "raise":
                raise ValueError("password=hunter2")
            if kind == "exit":
                sys.exit("bye")
            if kind == "cancel":
                raise asyncio.CancelledError
            if kind == "set":
                return {"status": 200, "body": {1, 2, object()}}
            if kind == "object":
                return object()
            if kind == "status":
                return {"status": 99, "body": 1}
            if kind == "surrogate":
                return {"text": "\\ud800"}
            loop = []
            loop.append(loop)
            return loop
        """,
    )

    async def scenario(app: TestApp) -> None:
        for kind in ("raise", "exit", "cancel"):
            answer = await app.http.post("/fail", json=kind)
            body = assert_problem(answer, 500, "handler.raised")
            assert "hunter2" not in answer.text
            (span,) = [span for span in app.spans if span.trace_id == body["trace_id"]]
            assert span.status == "error"
            (log,) = [log for log in app.logs if log.trace_id == body["trace_id"]]
            assert log.level == "error"
        for kind in ("set", "object", "surrogate", "loop"):
            answer = await app.http.post("/fail", json=kind)
            assert answer.status_code == 500, kind
            assert len(answer.json()["trace_id"]) == 32
        # A mapping whose status is none is a body.
        assert (await app.http.post("/fail", json="status")).json() == {"status": 99, "body": 1}

    project.run(scenario)


def test_a_request_is_judged_by_what_its_caller_was_answered(project: Any) -> None:
    project.step(
        "answer",
        """
        config = {
            "name": "Answer",
            "triggers": [http("POST", "/answer", schema={"body": {"type": "integer"}})],
        }

        async def handler(request, ctx):
            if request.body < 0:
                raise HTTPError(-request.body, "raised")
            return {"status": request.body, "body": {}}
        """,
    )

    async def scenario(app: TestApp) -> None:
        found = {}
        for body in (200, 302, 404, 503, -404, -503, "no integer"):
            answer = await app.http.post("/answer", json=body)
            assert answer.status_code == (abs(body) if isinstance(body, int) else 422)
            found[body] = app.spans[-1].status
        assert found == {
            200: "ok",
            302: "ok",
            404: "refused",
            503: "error",
            -404: "refused",
            -503: "error",
            "no integer": "refused",
        }

    project.run(scenario)


def test_a_handler_past_its_timeout_is_504(project: Any) -> None:
    project.step(
        "hang",
        """
        config = {"name": "Hang", "triggers": [http("GET", "/hang", timeout=2)]}
        async def handler(request, ctx):
            await asyncio.Event().wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        asking = asyncio.ensure_future(app.http.get("/hang"))
        await app.advance(1.9)
        assert not asking.done()
        await app.advance(0.3)
        body = assert_problem(await asking, 504, "handler.timed_out")
        (span,) = app.spans
        assert (span.trace_id, span.status) == (body["trace_id"], "timeout")

    project.run(scenario, clock=ManualClock())


def test_a_handler_that_swallows_its_cancellation_is_504_all_the_same(project: Any) -> None:
    project.step(
        "deaf",
        """
        config = {"name": "Deaf", "triggers": [http("GET", "/deaf", timeout=1)]}
        async def handler(request, ctx):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.Event().wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/deaf", "raw_path": b"/deaf", "headers": []}
        scope |= {"query_string": b"", "scheme": "http", "client": None}
        asking = asyncio.ensure_future(Asgi(app.app.gateway)(scope, receive, send))
        await app.advance(2.9)
        assert sent == []
        await app.advance(0.6)
        assert sent[0]["status"] == 504
        assert b"handler.timed_out" in sent[1]["body"]
        assert [span.status for span in app.spans] == ["timeout"]
        asking.cancel()
        await asking
        # What it ended with is not sent a second time.
        assert len(sent) == 2
        assert len(app.spans) == 1

    project.run(scenario, clock=ManualClock(), queue={"cancel_grace_s": 2})


def test_bad_input_is_refused_with_the_paths_that_are_wrong(project: Any) -> None:
    project.step(
        "create",
        """
        from pydantic import BaseModel
        class Line(BaseModel):
            sku: str
            quantity: int
        class Order(BaseModel):
            lines: list[Line]
        trigger = http("POST", "/orders", body_schema=Order, max_body_bytes=1000)
        config = {"name": "Create", "triggers": [trigger]}
        async def handler(request, ctx):
            return request.body
        """,
    )

    async def scenario(app: TestApp) -> None:
        json_type = {"content-type": "application/json"}
        good = {"lines": [{"sku": "a", "quantity": 1}]}
        assert (await app.http.post("/orders", json=good)).status_code == 200
        malformed = await app.http.post("/orders", content=b'{"lines": [', headers=json_type)
        assert_problem(malformed, 400, "json.malformed")
        wrong = await app.http.post("/orders", json={"lines": [{"sku": 1, "quantity": "x"}]})
        body = assert_problem(wrong, 422, "input.invalid")
        assert {error["path"] for error in body["errors"]} == {"lines[0].sku", "lines[0].quantity"}
        for content in (b"[" * 500 + b"]" * 500, b'{"a": NaN}', b"\xff\xfe"):
            answer = await app.http.post("/orders", content=content, headers=json_type)
            assert answer.status_code == 400, content
            assert answer.headers["content-type"] == "application/problem+json"
        assert_problem(await app.http.post("/orders", content=b" " * 1001), 413, "input.too_large")
        assert_problem(await app.http.get("/nowhere"), 404, "route.not_found")
        refused = await app.http.delete("/orders")
        assert_problem(refused, 405, "route.method_not_allowed")
        assert "POST" in refused.headers["allow"]
        # Refusals of a caller's input are not the author's errors.
        assert [log for log in app.logs if log.level == "error"] == []

    project.run(scenario)


def test_what_a_call_of_the_handler_is_refused_is_told_to_its_author(project: Any) -> None:
    project.step(
        "misuse",
        """
        deep = 1
        for _ in range(65):
            deep = [deep]

        @step(http("POST", "/misuse/:what"))
        async def misuse(what: str, request: Request, ctx: Context):
            match what:
                case "id":
                    return await ctx.get_run("nonsense")
                case "update":
                    await ctx.state.set("users", "ann", "secret text")
                    return await ctx.state.increment("users", "ann", 1)
                case "large":
                    return await ctx.enqueue("misuse", "x" * 2_000_000)
                case "deep":
                    await ctx.state.set("users", "ann", deep)
                case "deep-message":
                    await ctx.enqueue("misuse", deep)
                case "deep-call":
                    await ctx.call("misuse", deep)
            return request.body
        """,
    )

    async def scenario(app: TestApp) -> None:
        for what, status, code, level in (
            ("id", 400, "run.bad_id", "warning"),
            ("large", 400, "message.too_large", "warning"),
            ("update", 500, "state.bad_update", "error"),
            ("deep", 500, "value.not_json", "error"),
            ("deep-message", 500, "value.not_json", "error"),
            ("deep-call", 500, "value.not_json", "error"),
        ):
            body = assert_problem(await app.http.post(f"/misuse/{what}"), status, code)
            (log,) = [log for log in app.logs if log.trace_id == body["trace_id"]]
            assert (log.step, log.level) == ("misuse", level)
            assert log.data is not None
            assert b"misuse_step.py" in log.data, what
            assert what == "id" or "secret" not in str(body)
        told = len(app.logs)
        json_type = {"content-type": "application/json"}
        malformed = await app.http.post("/misuse/body", content=b'{"a": ', headers=json_type)
        assert_problem(malformed, 400, "json.malformed")
        # Whoever sends what cannot be read fills nobody's log.
        assert len(app.logs) == told

    project.run(scenario)


def test_a_stream_that_fails_before_its_first_item_fails_as_its_handler(project: Any) -> None:
    project.step(
        "lines",
        """
        @step(http("GET", "/lines"))
        async def lines():
            raise ValueError("no lines")
            yield "a"
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert_problem(await app.http.get("/lines"), 500, "handler.raised")
        (log,) = app.logs
        assert log.message == "ValueError: no lines"
        assert log.data is not None
        assert b'File \\"steps/lines_step.py\\", line 7' in log.data

    project.run(scenario)


def test_auth_gives_the_user_or_refuses(project: Any) -> None:
    project.step(
        "me",
        """
        from motia.authoring.auth import bearer
        def user_of(token):
            return {"alice": {"name": "Alice"}, "banned": False}[token] if token != "mallory" else None
        config = {"name": "Me", "triggers": [http("GET", "/me", auth=bearer(user_of))]}
        async def handler(request, ctx):
            return {"user": ctx.user}
        """,
    )

    async def scenario(app: TestApp) -> None:
        async def ask(token: str | None) -> Answer:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            return await app.http.get("/me", headers=headers)

        assert (await ask("alice")).json() == {"user": {"name": "Alice"}}
        nobody = await ask(None)
        assert_problem(nobody, 401, "access.unauthenticated")
        assert nobody.headers["www-authenticate"].startswith("Bearer")
        assert_problem(await ask("mallory"), 401, "access.unauthenticated")
        assert_problem(await ask("banned"), 403, "access.denied")
        assert [log for log in app.logs if log.level == "error"] == []
        # A check that fails lets nobody in, and its author hears of it.
        assert_problem(await ask("unforeseen"), 403, "access.denied")
        [told] = [log for log in app.logs if log.level == "error"]
        assert told.message == "auth: the check failed, so the request is refused"
        assert b"KeyError" in (told.data or b"")

    project.run(scenario)


def test_middleware_wraps_the_handler_in_order(project: Any) -> None:
    project.step(
        "wrapped",
        """
        calls = []
        async def outer(request, ctx, next):
            calls.append("outer in")
            if request.headers.get("x-stop"):
                return {"status": 418, "body": {"stopped": True}}
            response = await next()
            calls.append("outer out")
            return {"status": 201, "body": {"inner": response["body"], "calls": list(calls)}}
        async def inner(request, ctx, next):
            calls.append("inner in")
            return await next()
        config = {"name": "Wrapped", "triggers": [http("GET", "/wrapped", middleware=[outer, inner])]}
        async def handler(request, ctx):
            calls.append("handler")
            return {"status": 200, "body": "hello"}
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/wrapped")
        assert answer.status_code == 201
        calls = ["outer in", "inner in", "handler", "outer out"]
        assert answer.json() == {"inner": "hello", "calls": calls}
        assert (await app.http.get("/wrapped", headers={"x-stop": "1"})).status_code == 418

    project.run(scenario)


def test_dependencies_are_opened_for_a_call_and_closed_after_it(project: Any) -> None:
    project.step(
        "use",
        """
        log = []
        async def connection():
            log.append("open")
            try:
                yield {"rows": 3}
            finally:
                log.append("close")
        async def count(connection=Depends(connection)):
            return connection["rows"]
        @step(http("GET", "/use"))
        async def use(rows: int = Depends(count), connection=Depends(connection)):
            log.append("use")
            if rows != connection["rows"]:
                raise HTTPError(500, "two connections")
            return {"rows": rows}
        @step(http("GET", "/log"))
        async def read_log():
            return log
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.get("/use")).json() == {"rows": 3}
        assert (await app.http.get("/log")).json() == ["open", "use", "close"]

    project.run(scenario)


def test_an_http_error_is_answered_as_written(project: Any) -> None:
    project.step(
        "missing",
        """
        @step(http("GET", "/things/:id"))
        async def missing(id: str):
            raise HTTPError(404, f"no thing {id}", headers={"x-reason": "gone"})
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/things/7")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "no thing 7"
        assert answer.headers["x-reason"] == "gone"
        assert [log for log in app.logs if log.level == "error"] == []

    project.run(scenario)


def test_the_lifespan_of_the_project_opens_before_and_closes_after(project: Any) -> None:
    project.file("shared.py", "events = []\n")
    project.file(
        "app.py",
        """
        from contextlib import asynccontextmanager
        from pathlib import Path
        from shared import events

        @asynccontextmanager
        async def lifespan():
            events.append("open")
            yield
            events.append("close")
            Path("closed.txt").write_text(",".join(events))
        """,
    )
    project.step(
        "events",
        """
        from shared import events
        config = {"name": "Events", "triggers": [http("GET", "/events")]}
        async def handler(request, ctx):
            events.append("request")
            return list(events)
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.get("/events")).json() == ["open", "request"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        project.run(scenario)
    assert (project.folder / "closed.txt").read_text() == "open,request,close"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import nothing_of_this_name", ["app.py:1: import: ", "hint: pip install nothing_of_this_name"]),
        ("def lifespan(: ...", ["app.py:1: syntax: "]),
        (
            "async def lifespan(): ...",
            ["app.py:1: lifespan: expected an async context manager, got coroutine", "asynccontextmanager"],
        ),
        (
            "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def lifespan():\n"
            "    raise ConnectionError('database says no')\n    yield\n",
            ["app.py:4: lifespan: ", 'File "app.py", line 4', "ConnectionError: database says no"],
        ),
    ],
)
def test_a_lifespan_that_fails_is_told_at_its_own_line(project: Any, source: str, told: list[str]) -> None:
    project.file("app.py", source)

    async def scenario(app: TestApp) -> None: ...

    with pytest.raises(DefinitionError) as caught:
        project.run(scenario)
    assert all(part in str(caught.value) for part in told), str(caught.value)
    assert "motia/app.py" not in str(caught.value)


def test_a_stream_that_fails_after_it_began_is_told_on_its_own_line(project: Any) -> None:
    project.step(
        "feed",
        """
        async def rows():
            yield "first"
            raise LookupError("no second")
        config = {"name": "Feed", "triggers": [http("GET", "/feed")]}
        async def handler(request, ctx):
            return rows()
        """,
    )

    async def scenario(app: TestApp) -> None:
        with pytest.raises(LookupError):
            await app.http.get("/feed")
        (line,) = [line for line in app.logs if line.level == "error"]
        assert (line.step, line.message) == (
            "Feed",
            "LookupError: no second; the answer had begun and was cut short",
        )
        assert line.trace_id in {span.trace_id for span in app.spans}
        assert b"feed_step.py" in (line.data or b"")

    project.run(scenario)


def test_a_handler_that_asks_for_another_attempt_tells_its_caller_when(project: Any) -> None:
    project.step(
        "busy",
        """
        from motia import Retry
        config = {"name": "Busy", "triggers": [http("GET", "/busy")]}
        async def handler(request, ctx):
            return Retry(2.5, reason="the till is closed")
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/busy")
        assert_problem(answer, 503, "handler.retry")
        assert answer.headers["retry-after"] == "3"

    project.run(scenario)


def test_a_condition_that_is_false_refuses_a_request(project: Any) -> None:
    project.step(
        "gate",
        """
        def is_open(request, ctx):
            return request.headers.get("x-key") == "1"
        config = {"name": "Gate", "triggers": [http("GET", "/gate", condition=is_open)]}
        async def handler(request, ctx):
            return {"in": True}
        """,
    )

    async def scenario(app: TestApp) -> None:
        assert (await app.http.get("/gate", headers={"x-key": "1"})).status_code == 200
        assert_problem(await app.http.get("/gate"), 422, "condition.not_met")

    project.run(scenario)


def test_the_document_requires_a_body_exactly_where_one_is_needed(project: Any) -> None:
    project.step(
        "bodies",
        """
        from pydantic import BaseModel
        class Order(BaseModel):
            id: int
        @step(http("POST", "/given", body_schema=Order))
        async def given(request):
            return {"body": request.body}
        @step(http("POST", "/hinted"))
        async def hinted(order: Order):
            return order
        @step(http("POST", "/optional"))
        async def optional(order: Order | None = None):
            return {"order": order}
        @step(http("POST", "/field"))
        async def field(id: int):
            return id
        @step(http("POST", "/fields"))
        async def fields(id: int = 1):
            return id
        """,
    )

    async def scenario(app: TestApp) -> None:
        paths = (await app.http.get("/openapi.json")).json()["paths"]
        found = {}
        for path, item in paths.items():
            answer = await app.http.post(path)
            assert answer.status_code in (200, 422), answer
            found[path] = item["post"]["requestBody"]["required"], answer.status_code == 422
        assert found == {
            "/given": (False, False),
            "/hinted": (True, True),
            "/optional": (False, False),
            "/field": (True, True),
            "/fields": (False, False),
        }

    project.run(scenario)


def test_a_preflight_names_its_origin_once(project: Any) -> None:
    project.step(
        "post",
        """
        config = {"name": "post", "triggers": [http("POST", "/items")]}
        async def handler(request, ctx):
            return {}
        """,
    )
    asked = {"origin": "http://localhost:5173", "access-control-request-method": "POST"}

    async def scenario(app: TestApp) -> None:
        preflight = await app.http.request("OPTIONS", "/items", headers=asked)
        assert preflight.status_code == 204
        # A browser reads two lines as one list, which is no origin, and refuses the request.
        names = [name for name, _ in preflight.header_lines]
        assert names.count(b"access-control-allow-origin") == names.count(b"vary") == 1
        assert preflight.headers["access-control-allow-origin"] == asked["origin"]

    project.run(scenario)


def test_a_def_handler_may_be_a_generator(project: Any) -> None:
    project.step(
        "lines",
        """
        from motia import http, step
        @step(http("GET", "/lines"))
        def lines():
            for number in range(3):
                yield f"line {number}\\n"
        """,
    )

    async def scenario(app: TestApp) -> None:
        answer = await app.http.get("/lines")
        assert (answer.status_code, answer.text) == (200, "line 0\nline 1\nline 2\n")

    project.run(scenario)
