"""Ruby steps beside Python ones, in a real worker process."""

from __future__ import annotations

import pytest
from foreign_project import WriteProject

from motia.testing import TestApp

pytestmark = pytest.mark.usefixtures("ruby")

HELLO = """
def config
  { type: "api", name: "Hello", method: "POST", path: "/hello/:who", emits: ["greeted"],
    bodySchema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
    middleware: [method(:seen)] }
end

def seen(req, ctx, following)
  following.call.merge(headers: { "x-seen" => req.headers["x-in"] })
end

def handler(req, ctx)
  puts "said hello"
  ctx.state.set("seen", req.pathParams.who, { n: req.body.n, raw: req.raw_body })
  ctx.emit({ topic: "greeted", data: { who: req.path_params["who"], n: req.body[:n] } })
  { status: 201, body: { hello: req.pathParams.who, trace: ctx.traceId } }
end
"""
GREETED = """
config = {"type": "event", "name": "Greeted", "subscribes": ["greeted"], "emits": ["counted"]}

async def handler(input, ctx):
    await ctx.emit({"topic": "counted", "data": {"n": input["n"] + 1}})
"""
COUNTED = """
def config = { type: "event", name: "Counted", subscribes: ["counted"], emits: [] }

def handler(input, ctx)
  ctx.state.increment("count", "all", input.n)
end
"""


async def test_one_trace_goes_through_ruby_and_python(project: WriteProject) -> None:
    async with TestApp(project(hello__rb=HELLO, greeted=GREETED, counted__rb=COUNTED)) as app:
        answer = await app.http.post("/hello/bob", json={"n": 3}, headers={"x-in": "yes"})
        assert (answer.status_code, answer.headers["x-seen"]) == (201, "yes")
        await app.until_idle()
        assert await app.state.get("count", "all") == 4
        assert await app.state.get("seen", "bob") == {"n": 3, "raw": '{"n":3}'}
        assert {span.trace_id for span in app.spans} == {answer.json()["trace"]}
        assert [(log.step, log.message) for log in app.logs] == [("Hello", "said hello")]


async def test_the_node_enforces_json_schemas_of_ruby(project: WriteProject) -> None:
    async with TestApp(project(hello__rb=HELLO)) as app:
        answer = await app.http.post("/hello/bob", json={"n": "three"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "n")


async def test_a_broken_file_names_its_line_and_hides_no_other(project: WriteProject) -> None:
    broken = 'def config = { type: "event", name: "B", subscribes: ["x"] }\n\nraise ArgumentError, "no key"\n'
    syntax = "def handler(\n"
    directory = project(hello__rb=HELLO, broken__rb=broken, syntax__rb=syntax, ends__rb="exit 3\n")
    async with TestApp(directory, strict=False) as app:
        assert (await app.http.post("/hello/bob", json={"n": 3})).status_code == 201
        problems = {problem.path: problem for problem in app.app.problems}
        assert set(problems) == {"steps/broken.step.rb", "steps/ends.step.rb", "steps/syntax.step.rb"}
        broken_one = problems["steps/broken.step.rb"]
        assert (broken_one.line, broken_one.code) == (3, "step.import_failed")
        assert "ArgumentError: no key" in broken_one.message


POISON = """
def config = { type: "event", name: "Poison", subscribes: ["work"], emits: [] }

def handler(input, ctx)
  Process.exit!(7) if input.poison
  ctx.state.set("done", input.n.to_s, true)
end
"""


async def test_a_message_that_kills_its_worker_is_buried_and_the_others_are_done(
    project: WriteProject,
) -> None:
    async with TestApp(project(poison__rb=POISON)) as app:
        for number in range(8):
            await app.emit("work", {"n": number, "poison": number == 3})
        await app.until_idle(30)
        assert sorted(await app.state.entries("done")) == ["0", "1", "2", "4", "5", "6", "7"]
        [dead] = await app.dead_letters()
        assert (dead.code, dead.crashes, dead.failures) == ("worker.crashed", 3, 0)
        crashed = [span for span in app.spans if span.status == "crashed"]
        assert len(crashed) >= 3


FAILS = """
def config = { type: "api", name: "Fails", method: "GET", path: "/fails/:how", emits: [] }

def handler(req, ctx)
  case req.pathParams.how
  when "raise" then raise ArgumentError, "bad thing"
  when "refuse" then raise Motia::HTTPError.new(404, "no such order")
  when "object" then { status: 200, body: { deep: [1, Object.new] } }
  when "text" then { status: 200, body: { deep: ["caf\\xff"] } }
  when "key" then ctx.state.set("s", "caf\\xff", 1)
  when "puts" then puts("caf\\xff") || "told"
  when "endless" then endless
  when "large" then "x" * 40_000_000
  when "sleep" then sleep 30
  when "bytes" then { status: 200, body: "\\x00\\xff".b }
  when "stream" then { status: 200, body: Enumerator.new { |out| 200.times { |n| out << "line #{n}\\n" } } }
  end
end

def endless = endless()
"""


async def test_what_goes_wrong_in_ruby_is_told_as_what_goes_wrong_in_python(project: WriteProject) -> None:
    async with TestApp(project(fails__rb=FAILS)) as app:
        raised = await app.http.get("/fails/raise")
        assert (raised.status_code, raised.json()["code"]) == (500, "handler.raised")
        [span] = app.spans
        assert span.error is not None
        assert span.error["type"] == "ArgumentError"
        assert "steps/fails.step.rb:6" in span.error["stack"]
        assert "motia/invocation.rb" not in span.error["stack"]
        refused = await app.http.get("/fails/refuse")
        assert (refused.status_code, refused.json()["detail"]) == (404, "no such order")
        await app.http.get("/fails/object")
        assert "$.body.deep[1]" in app.logs[-1].message
        assert (await app.http.get("/fails/text")).json()["code"] == "value.not_json"
        assert "$.body.deep[0]" in app.logs[-1].message
        assert (await app.http.get("/fails/key")).json()["code"] == "value.not_json"
        assert (await app.http.get("/fails/puts")).text == "told"
        assert [log.message for log in app.logs if log.message.startswith("caf")] == ["caf\ufffd"]
        assert (await app.http.get("/fails/endless")).status_code == 500
        endless = app.spans[-1].error
        assert endless is not None
        assert endless["stack"].count("in `endless'") < 60
        large = await app.http.get("/fails/large")
        assert large.json()["code"] == "result.too_large"
        assert (await app.http.get("/fails/bytes")).content == b"\x00\xff"
        streamed = await app.http.get("/fails/stream")
        assert streamed.text == "".join(f"line {number}\n" for number in range(200))


CHAT = """
def config = { name: "chat", schema: { type: "object", properties: { text: { type: "string" } } } }
"""
CHATS = """
def config = { type: "api", name: "Chats", method: "POST", path: "/chats", emits: [] }

def handler(req, ctx)
  chat = ctx.streams.chat
  stored = chat.set("room", "1", { text: "hi" })
  chat.update("room", "1", { type: "set", path: "text", value: "hello" })
  chat.set("room", "2", { text: "gone" })
  chat.delete("room", "2")
  chat.send_event("room", { type: "typing", data: {} })
  { status: 200, body: { stored: stored, item: chat.get("room", "1"), items: chat.get_group("room").size,
                         groups: chat.list_groups } }
end
"""


async def test_ruby_writes_streams(project: WriteProject) -> None:
    directory = project(chats__rb=CHATS)
    (directory / "steps" / "chat.stream.rb").write_text(CHAT)
    async with TestApp(directory) as app:
        body = (await app.http.post("/chats", json={})).json()
        place = {"type": "state-stream", "streamName": "chat", "groupId": "room", "id": "1"}
        assert body == {
            "stored": {"text": "hi", "id": "1", "__motia": place},
            "item": {"text": "hello", "id": "1", "__motia": place},
            "items": 1,
            "groups": ["room"],
        }


ASKS = """
def config = { type: "event", name: "Asks", subscribes: ["asks"], emits: [],
               attempts: 2, retry_delay: 0, retry: method(:again) }

def again(error, attempt)
  raise "no rule" if error.message == "odd"
  error.message == "give up" ? false : attempt * 100
end

def handler(input, ctx)
  raise input.why
end
"""


async def test_a_ruby_function_says_when_to_run_again(project: WriteProject) -> None:
    async with TestApp(project(asks__rb=ASKS)) as app:
        await app.emit("asks", {"why": "give up"})
        event = await app.until("message.dead_lettered")
        assert event.fields["attempts"] == 1
        began_ms = app.clock.now_ms()
        await app.emit("asks", {"why": "busy"})
        settled = await app.until("message.settled", outcome="retried")
        assert 99_000 < settled.fields["due_at_ms"] - began_ms < 110_000
        await app.emit("asks", {"why": "odd"})
        event = await app.until("message.dead_lettered", code="handler.retry_function")
        (letter,) = [one for one in await app.dead_letters() if one.code == event.fields["code"]]
        assert b"asks.step.rb:6:in" in letter.error.rpartition(b"the retry function failed")[2]
