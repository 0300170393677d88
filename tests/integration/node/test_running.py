"""What a handler gets, what it may give, and what becomes of what it began."""

from __future__ import annotations

import base64
import json

import pytest
from node_worker import NodeWorker

EVENT = "export const config = { type: 'event', name: 'E', subscribes: ['e'] }\n"


def handler(worker: NodeWorker, source: str, name: str = "steps/e.step.ts", head: str = EVENT) -> str:
    """The handle of a step whose handler is `source`."""
    worker.load_one(name, f"{head}export const handler = {source}\n")
    return f"{name}#handler"


def test_writes_of_a_handler_reach_the_node_in_order(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async (input: any, { emit, state, streams, traceId, call, atomic }: any) => {
  await emit({ topic: 'a', data: input, messageGroupId: 'g' })
  await state.set('scope', 'key', [1], { ttl: '1m', ifVersion: 0 })
  await state.update('scope', 'key', { type: 'increment', path: 'n', by: 2 })
  await streams.chat.set('room', 'id', { text: 'hi' })
  await motia.trigger('other', { traceId }, { delay: 5 })
  await atomic(async () => { await state.delete('scope', 'key') })
  return [await state.get('scope', 'key'), await call('other', 1)]
}""",
    )
    assert worker.invoke(handle, input={"x": 1})["result"] == {"value": [41, "called"]}
    assert [told["operations"][0] for told in worker.told("context.commit")] == [
        {"op": "enqueue", "messages": [{"topic": "a", "data": {"x": 1}, "group": "g"}]},
        {"op": "state.set", "scope": "scope", "key": "key", "value": [1], "ttl_s": 60, "if_version": 0},
        {
            "op": "state.update",
            "scope": "scope",
            "key": "key",
            "operations": [{"type": "increment", "path": "n", "by": 2}],
        },
        {"op": "stream.set", "stream": "chat", "group": "room", "id": "id", "data": {"text": "hi"}},
        {"op": "enqueue", "messages": [{"step": "other", "data": {"traceId": "trace-1"}, "delay_s": 5}]},
        {"op": "state.delete", "scope": "scope", "key": "key"},
    ]
    assert [told["action"] for told in worker.told("context.atomic")] == ["begin", "commit"]


def test_the_answer_waits_for_what_was_not_awaited(worker: NodeWorker) -> None:
    handle = handler(worker, "async (input: any, { emit }: any) => { emit({ topic: 'late', data: 1 }) }")
    assert worker.invoke(handle, input={})["result"] == {}
    assert len(worker.told("context.commit")) == 1
    worker.replies["context.commit"] = {
        "error": {"code": -32000, "message": "superseded", "data": {"code": "claim.superseded"}}
    }
    assert worker.invoke(handle, input={})["error"]["data"]["code"] == "claim.superseded"


def test_half_a_character_in_a_key_is_an_error_where_it_is_written(worker: NodeWorker) -> None:
    source = r"async (input: any, { state }: any) => { await state.set('s', input.key ?? '\ud83d', 1) }"
    handle = handler(worker, source)
    assert worker.invoke(handle, input={})["error"]["data"]["code"] == "value.not_json"
    worker.invoke(handle, input={"key": r"\ud83d"})  # no such character: its escape
    [told] = worker.told("context.commit")
    assert told["operations"][0]["key"] == r"\ud83d"


def test_a_failure_that_was_caught_is_the_handlers_own_affair(worker: NodeWorker) -> None:
    worker.replies["context.commit"] = {
        "error": {"code": -32000, "message": "no", "data": {"code": "state.version_conflict"}}
    }
    handle = handler(
        worker,
        """async (input: any, { state }: any) => {
  try { await state.set('a', 'b', 1) } catch (error) { return error.code }
}""",
    )
    assert worker.invoke(handle, input={})["result"]["value"] == "state.version_conflict"


def test_module_level_names_belong_to_the_running_step(worker: NodeWorker) -> None:
    source = """
import { enqueue, logger, stateManager, Stream } from 'motia'
export const config = { name: 'M', triggers: [{ type: 'queue', topic: 'm' }] }
const chat = new Stream({ name: 'chat' })
const deep = async () => { await new Promise((done) => setTimeout(done, 1)); await stateManager.set('s', 'k', 1) }
export const handler = async () => {
  logger.info('first', { a: 1n, error: new Error('x') })
  await Promise.all([deep(), enqueue({ topic: 't', data: {} }), chat.delete('g', 'i')])
}
logger.info('at the top')
"""
    worker.load_one("steps/m.step.ts", source)
    result = worker.invoke("steps/m.step.ts#handler", dialect="triggers", input={})
    assert result["result"] == {}
    operations = {told["operations"][0]["op"] for told in worker.told("context.commit")}
    assert operations == {"state.set", "enqueue", "stream.delete"}
    (log,) = worker.told("log")
    assert log["data"]["a"] == "1"
    assert log["data"]["error"]["message"] == "x"


def test_console_and_output_are_logs_of_the_step(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async () => {
  console.log('one', { a: [1] }); console.warn('two'); process.stdout.write('three\\nfour\\n')
  const circle: any = {}; circle.self = circle; console.log(circle)
}""",
    )
    worker.invoke(handle, input={})
    lines = [(log["level"], log["message"]) for log in worker.told("log")]
    assert lines[:4] == [
        ("info", "one { a: [ 1 ] }"),
        ("warning", "two"),
        ("info", "three"),
        ("info", "four"),
    ]
    assert "Circular" in lines[4][1]


@pytest.mark.parametrize(
    ("head", "source", "trigger", "dialect", "value"),
    [
        ("type: 'cron', cron: '* * * * *'", "async ({ traceId }) => traceId", "cron", "type", "trace-1"),
        (
            "type: 'cron', cron: '* * * * *'",
            "async (_, { traceId }) => [_ ?? null, traceId]",
            "cron",
            "type",
            [None, "trace-1"],
        ),
        ("triggers: []", "async (input, ctx) => [input.a, ctx.is.queue()]", "queue", "triggers", [1, True]),
        ("triggers: []", "async ({ request }) => request.pathParams.id", "http", "triggers", "7"),
        (
            "triggers: []",
            "async (req) => [req.params.id, req.query.q, req.body]",
            "http",
            "triggers",
            ["7", "x", [1]],
        ),
        (
            "triggers: []",
            "(input, ctx) => ctx.match({ http: async (r) => r.body, default: () => 0 })",
            "http",
            "triggers",
            [1],
        ),
        ("type: 'event', subscribes: []", "() => undefined", "queue", "type", None),
    ],
)
def test_parameters_of_a_handler(
    worker: NodeWorker, head: str, source: str, trigger: str, dialect: str, value: object
) -> None:
    handle = handler(worker, source, "steps/p.step.js", f"export const config = {{ name: 'P', {head} }}\n")
    request = {"path_params": {"id": "7"}, "query_params": {"q": "x"}, "body": [1]}
    given = {"http": {"request": request}, "queue": {"input": {"a": 1}}}.get(trigger, {})
    answer = worker.invoke(handle, trigger=trigger, dialect=dialect, **given)
    assert answer["result"].get("value") == value


def test_middleware_is_an_onion_and_may_change_the_request(worker: NodeWorker) -> None:
    worker.load_one(
        "steps/m.step.ts",
        """
const outer = async (req, ctx, next) => {
  try { const response = await next(); return { ...response, headers: { 'x-outer': req.user } } }
  catch (error) { return { status: 418, body: error.message } }
}
const inner = async (req, ctx, next) => {
  if (!req.headers.authorization) return { status: 401 }
  req.user = 'ann'
  await next()
}
export const config = { type: 'api', name: 'M', method: 'GET', path: '/m', emits: [], middleware: [outer, inner] }
export const handler = async (req) => { if (req.body) throw new Error('bad'); return { status: 200, body: req.user } }
""",
    )
    file = "steps/m.step.ts#"
    middleware = [f"{file}config.middleware[0]", f"{file}config.middleware[1]"]

    def ask(**request: object) -> object:
        answer = worker.invoke(f"{file}handler", trigger="http", middleware=middleware, request=request)
        return answer["result"]["value"]

    authorized = {"headers": {"authorization": "x"}}
    assert ask() == {"status": 401, "headers": {}}
    assert ask(**authorized) == {"status": 200, "body": "ann", "headers": {"x-outer": "ann"}}
    assert ask(**authorized, body=1) == {"status": 418, "body": "bad"}


def test_auth_and_condition_decide_before_the_handler(worker: NodeWorker) -> None:
    worker.load_one(
        "steps/c.step.ts",
        """
export const config = {
  name: 'C',
  triggers: [{ type: 'http', method: 'GET', path: '/c', auth: (req) => req.headers.user, condition: (req) => req.body }],
}
export const handler = async (_, ctx) => ctx.user
""",
    )
    at = "steps/c.step.ts#config.triggers[0]"
    given = {"trigger": "http", "dialect": "triggers", "auth": f"{at}.auth", "condition": f"{at}.condition"}
    handle = "steps/c.step.ts#handler"
    anyone = worker.invoke(handle, **given)
    assert anyone["error"]["data"]["code"] == "access.unauthenticated"
    held = worker.invoke(handle, **given, request={"headers": {"user": "ann"}})
    assert held["result"] == {"outcome": "cancelled", "reason": "condition not met"}
    let_in = worker.invoke(handle, **given, request={"headers": {"user": "ann"}, "body": 1})
    assert let_in["result"]["value"] == "ann"


def test_errors_name_the_authors_line(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        "async (): Promise<void> => {\n  const inner = () => { throw new RangeError('too far') }\n  inner()\n}",
    )
    error = worker.invoke(handle, input={})["error"]
    assert error["message"] == "too far"
    assert error["data"]["type"] == "RangeError"
    assert error["data"]["line"] == 3
    assert "steps/e.step.ts:3" in error["data"]["stack"]
    assert "node:internal" not in error["data"]["stack"]
    assert str(worker.project) not in error["data"]["stack"]


def test_an_error_beside_the_handler_fails_its_own_step_only(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async (input: any) => {
  if (!input.stray) return 'fine'
  setTimeout(() => { throw new Error('in a timer') }, 1)
  await new Promise(() => {})
}""",
    )
    stray = worker.send("invoke", **_params(handle, {"stray": True}))
    fine = worker.send("invoke", **_params(handle, {}))
    answers = {}
    while {stray, fine} - answers.keys():
        message = worker.next_message()
        answers[message.get("id", 0)] = message
    assert answers[fine]["result"]["value"] == "fine"
    assert answers[stray]["error"]["message"] == "in a timer"


def test_what_goes_wrong_after_the_answer_says_whose_it_is(worker: NodeWorker) -> None:
    handle = handler(
        worker, "async (input: any) => { setTimeout(() => { throw new Error('too late') }, 1); return 1 }"
    )
    number = worker.send("invoke", **_params(handle, {}))
    messages = [worker.next_message()]
    while messages[-1].get("method") != "log":
        messages.append(worker.next_message())
    assert number in [message.get("id") for message in messages]
    line = messages[-1]["params"]
    assert (line["message"], line["step"], line["trace_id"]) == ("uncaught Error: too late", "S", "t")
    assert "steps/e.step.ts:2" in line["data"]["stack"]


def test_each_error_of_many_and_any_thrown_object_is_told(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async (input: any) => {
  if (input.many) await Promise.any([Promise.reject(new Error('one')), Promise.reject('two')])
  const thrown: any = { code: 7 }
  thrown.self = thrown
  throw thrown
}""",
    )
    stack = worker.invoke(handle, input={"many": True})["error"]["data"]["stack"]
    assert "[error]: Error: one" in stack
    assert "[error]: two" in stack
    assert "code: 7, self: [Circular *1]" in worker.invoke(handle, input={})["error"]["message"]


def test_a_place_in_state_that_is_none_is_refused(worker: NodeWorker) -> None:
    for call in ("set('orders', { id: 1 })", "get('orders')", "getGroup(null)", "set({}, 'key', 1)"):
        handle = handler(
            worker, f"async (_: any, {{ state }}: any) => state.{call}", f"steps/{len(call)}.step.ts"
        )
        error = worker.invoke(handle, input={})["error"]
        assert error["message"].startswith("state: expected a "), error
    assert worker.told("context.commit") == []


def test_logged_errors_have_the_frames_of_the_author_alone(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        "async (_: any, { logger }: any) => { console.log({ e: new Error('one'), list: 'x'.repeat(80) }); "
        "logger.error('two', new Error('three')) }",
    )
    worker.invoke(handle, input={})
    *printed, logged = worker.told("log")
    assert printed[0]["message"] == "{"
    text = "\n".join(line["message"] for line in printed) + logged["data"]["stack"]
    assert text.count("steps/e.step.ts:2") == 2
    assert "workers/node" not in text


def test_a_printed_promise_says_nothing_of_the_input(worker: NodeWorker) -> None:
    handle = handler(worker, "async () => { console.log(Promise.resolve(1)); process.stderr.write('') }")
    worker.invoke(handle, input={"password": "rosebud"})
    text = "\n".join(line["message"] for line in worker.told("log"))
    assert text.startswith("Promise {")
    assert "rosebud" not in text


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("{ a: [1, NaN] }", "$.a[1]"),
        ("{ a: 1n }", "$.a"),
        ("new Map()", "$"),
        ("{ later: Promise.resolve(1) }", "$.later"),
        ("(() => { const a: any = {}; a.a = a; return a })()", ".a.a"),
        ("'\\ud800'", "$"),
    ],
)
def test_what_json_cannot_carry_is_an_error_with_its_path(worker: NodeWorker, value: str, path: str) -> None:
    error = worker.invoke(handler(worker, f"async () => ({value})"), input={})["error"]
    assert error["data"]["code"] == "value.not_json"
    assert path in error["message"]


def test_values_that_are_more_than_json_text(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async (input: any) => ({
  bytes: Buffer.from('hi'), date: new Date(0), mine: { $bytes: 'x' }, none: undefined, got: input.toString('hex'),
})""",
    )
    given = {"$bytes": base64.b64encode(b"\x00\xff").decode()}
    assert worker.invoke(handle, input=given)["result"]["value"] == {
        "bytes": {"$bytes": "aGk="},
        "date": "1970-01-01T00:00:00.000Z",
        "mine": {"$literal": {"$bytes": "x"}},
        "got": "00ff",
    }


def test_large_messages_travel_in_parts(worker: NodeWorker) -> None:
    handle = handler(worker, "async (input: any) => '🐍'.repeat(input.n)")
    number = worker.send("invoke", **_params(handle, {"n": 600_000}))
    text = ""
    while True:
        message = worker.next_message()
        if message.get("method") == "part":
            text += message["params"]["text"]
            worker.note("credit", parts=1)
            if message["params"]["last"]:
                break
    assert f'"id":{number}' in text
    assert text.count("🐍") == 600_000


def test_too_large_a_result_is_the_steps_error(worker: NodeWorker) -> None:
    handle = handler(worker, "async () => ({ small: 1, big: { data: 'x'.repeat(70_000_000) } })")
    error = worker.invoke(handle, input={})["error"]
    assert error["data"]["code"] == "result.too_large"
    assert "$.big.data" in error["message"]
    handle = handler(worker, "async () => ({ file: Buffer.alloc(70_000_000) })", name="steps/f.step.ts")
    error = worker.invoke(handle, input={})["error"]
    assert (error["data"]["code"], error["message"].split(":")[0]) == ("result.too_large", "$.file")


def test_what_a_handler_writes_after_something_long_arrives_after_it(worker: NodeWorker) -> None:
    source = """async (input: any, ctx: any) => {
      void ctx.state.set('s', 'k', 'long'.repeat(1_000_000))
      void ctx.state.set('s', 'k', 'short')
    }"""
    number = worker.send("invoke", **_params(handler(worker, source), {}))
    values = []
    text = ""
    while True:
        message = worker.next_message()
        if message.get("id") == number and "result" in message:
            break
        if message.get("method") == "part":
            text += message["params"]["text"]
            worker.note("credit", parts=1)
            if not message["params"]["last"]:
                continue
            message = json.loads(text)
            worker.raw({"jsonrpc": "2.0", "id": message["id"], "result": worker.replies["context.commit"]})
        if message.get("method") == "context.commit":
            values.append(message["params"]["operations"][0]["value"][:5])
    assert values == ["longl", "short"]


def test_a_handler_may_ask_for_another_attempt(worker: NodeWorker) -> None:
    head = f"import {{ Retry, Snooze, Cancel }} from 'motia'\n{EVENT}"
    source = (
        "async (n: number) => n === 1 ? new Retry('2s', 'busy') : n === 2 ? new Snooze(3) : new Cancel('old')"
    )
    handle = handler(worker, source, head=head)
    assert worker.invoke(handle, input=1)["result"] == {"outcome": "retry", "delay_s": 2, "reason": "busy"}
    assert worker.invoke(handle, input=2)["result"] == {"outcome": "snooze", "delay_s": 3, "reason": ""}
    assert worker.invoke(handle, input=3)["result"] == {"outcome": "cancelled", "reason": "old"}


def test_cancelling_aborts_the_signal(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async (_: any, { signal, logger }: any) => {
  logger.info('began')
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}""",
    )
    number = worker.send("invoke", **_params(handle, {}))
    assert worker.next_message()["method"] == "log"
    worker.note("cancel", id=number, reason="timed_out")
    assert worker.next_message()["error"]["data"]["type"] == "DOMException"


def test_a_generator_streams_at_the_readers_pace(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async function* (req, { logger }) {
  try { for (let n = 0; ; n++) { logger.info(String(n)); yield { n } } } finally { logger.info('closed') }
}""",
        "steps/s.step.js",
        "export const config = { name: 'S', triggers: [{ type: 'http', method: 'GET', path: '/s' }] }\n",
    )
    answer = worker.invoke(handle, trigger="http", dialect="triggers")
    stream = answer["result"]["value"]["$stream"]
    items: list[object] = [item for told in worker.told("chunk") for item in told["items"]]
    while len(items) < 4:
        message = worker.next_message()
        items += message["params"]["items"] if message["method"] == "chunk" else []
    assert items == [{"n": n} for n in range(4)]
    worker.note("close", stream=stream)
    while worker.next_message()["params"].get("message") != "closed":
        pass
    assert len(worker.told("log")) <= 6


def test_a_response_that_is_written_piece_by_piece(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async ({ response }, ctx) => {
  response.status(201).headers({ 'content-type': 'text/event-stream' })
  response.stream.write('data: 1\\n\\n')
  await ctx.state.get('a', 'b')
  response.stream.write('data: 2\\n\\n')
  response.close()
}""",
        "steps/w.step.js",
        "export const config = { name: 'W', triggers: [{ type: 'http', method: 'GET', path: '/s' }] }\n",
    )
    value = worker.invoke(handle, trigger="http", dialect="triggers")["result"]["value"]
    assert (value["status"], value["headers"]) == (201, {"content-type": "text/event-stream"})
    while not worker.told("end"):
        worker.next_message()
    assert (
        "".join(item for told in worker.told("chunk") for item in told["items"]) == "data: 1\n\ndata: 2\n\n"
    )


def test_a_response_that_breaks_off_says_so(worker: NodeWorker) -> None:
    handle = handler(
        worker,
        """async ({ response }) => {
  response.stream.write('half')
  await new Promise((done) => setTimeout(done, 5))
  throw new Error('no more')
}""",
        "steps/w.step.js",
        "export const config = { name: 'W', triggers: [{ type: 'http', method: 'GET', path: '/s' }] }\n",
    )
    worker.invoke(handle, trigger="http", dialect="triggers")
    while not worker.told("end"):
        worker.next_message()
    assert worker.told("end")[0]["error"]["message"] == "no more"


def test_garbage_costs_the_connection_and_not_the_process(worker: NodeWorker) -> None:
    worker.raw({"jsonrpc": "2.0", "id": 99, "method": "nothing", "params": {}})
    assert worker.next_message()["error"]["code"] == -32601
    worker._socket.sendall(b"\xff\xfe garbage\n")
    assert b"-32700" in worker._lines.readline()
    assert worker._lines.readline() == b""
    assert worker.process.poll() is None


def test_shutdown_lets_what_runs_end(worker: NodeWorker) -> None:
    handle = handler(
        worker, "async () => { await new Promise((done) => setTimeout(done, 50)); return 'done' }"
    )
    running = worker.send("invoke", **_params(handle, {}))
    ended = worker.send("shutdown", grace_s=5)
    answers = [worker.next_message() for _ in range(2)]
    assert [answer["id"] for answer in answers] == [running, ended]
    assert answers[0]["result"] == {"value": "done"}
    assert worker.process.wait(10) == 0


def _params(handle: str, value: object) -> dict[str, object]:
    context = {
        "trace_id": "t",
        "span_id": "s",
        "step": "S",
        "flows": [],
        "attempt": 1,
        "dialect": "type",
        "trigger": {"type": "queue", "index": 0},
    }
    return {"function": handle, "input": value, "context": context}
