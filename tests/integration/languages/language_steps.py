"""The same steps in every language. `L` stands for the language's short name, in routes, names and topics.

A step of JavaScript is one of TypeScript, too: one text serves both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

EXTENSIONS = {"py": "_step.py", "ts": ".step.ts", "js": ".step.js", "rb": "_step.rb"}
LANGUAGES = tuple(EXTENSIONS)

PYTHON = {
    "echo": """
config = {"type": "api", "name": "Echo-L", "method": "POST", "path": "/L/echo/:id", "emits": []}
async def handler(req, ctx):
    body = {"body": req.body, "id": req.path_params["id"], "q": req.query_params.get("q"), "h": req.headers["x-h"]}
    return {"status": 201, "body": body, "headers": {"x-answer": "yes"}}
""",
    "fails": """
config = {"type": "api", "name": "Fails-L", "method": "GET", "path": "/L/fails", "emits": []}
async def handler(req, ctx):
    raise ValueError("a secret detail")
""",
    "refuses": """
from motia import HTTPError
config = {"type": "api", "name": "Refuses-L", "method": "GET", "path": "/L/refuses", "emits": []}
async def handler(req, ctx):
    raise HTTPError(409, "taken")
""",
    "schema": """
config = {"type": "api", "name": "Schema-L", "method": "POST", "path": "/L/schema", "emits": [],
          "bodySchema": SCHEMA}
async def handler(req, ctx):
    return {"status": 200, "body": req.body}
""",
    "layers": """
async def outer(req, ctx, next_fn):
    try:
        response = await next_fn()
    except Exception as error:
        return {"status": 418, "body": str(error)}
    return {**response, "headers": {"x-user": req["user"]}}
async def inner(req, ctx, next_fn):
    req["user"] = "ann"
    return await next_fn()
config = {"type": "api", "name": "Layers-L", "method": "POST", "path": "/L/layers", "emits": [],
          "middleware": [outer, inner]}
async def handler(req, ctx):
    if req.body["fail"]:
        raise ValueError("inside")
    return {"status": 200, "body": req["user"]}
""",
    "condition": """
config = {"name": "Condition-L", "triggers": [
    {"type": "queue", "topic": "condition.L", "condition": lambda input, ctx: input["wanted"]}]}
async def handler(input, ctx):
    await ctx.state.set("L", input["key"], True)
""",
    "auth": """
from motia import HTTPError
def who(req, ctx):
    if "x-user" not in req.headers:
        raise HTTPError(401, "who are you?")
    return {"nobody": None, "banned": False}.get(req.headers["x-user"], req.headers["x-user"])
config = {"name": "Auth-L", "triggers": [{"type": "http", "method": "GET", "path": "/L/auth", "auth": who,
                                      "querySchema": NUMBER}]}
async def handler(req, ctx):
    return {"status": 200, "body": {"user": ctx.user}}
""",
    "hops": """
config = {"type": "event", "name": "Hops-L", "subscribes": ["hops.L"], "emits": ["hops.done"]}
async def handler(input, ctx):
    await ctx.state.set("hops", "L", ctx.trace_id)
    if input["left"]:
        await ctx.emit({"topic": "hops." + input["left"][0], "data": {"left": input["left"][1:]}})
""",
    "start": """
config = {"type": "api", "name": "Start-L", "method": "POST", "path": "/L/start", "emits": []}
async def handler(req, ctx):
    ctx.emit({"topic": "hops." + req.body["left"][0], "data": {"left": req.body["left"][1:]}})
    return {"status": 202, "body": {"trace": ctx.trace_id}}
""",
    "state": """
config = {"type": "event", "name": "State-L", "subscribes": ["state.L"], "emits": []}
async def handler(input, ctx):
    state = ctx.state
    await state.set("kv-L", "a", {"n": 1})
    await state.update("kv-L", "a", {"type": "increment", "path": "n", "by": 4})
    await state.increment("kv-L", "b", 2)
    old = await state.delete("kv-L", "b")
    found = [await state.get("kv-L", "a"), await state.get("kv-L", "none"), await state.get_group("kv-L"), old]
    await state.set("L", "state", found)
""",
    "atomic": """
config = {"type": "event", "name": "Atomic-L", "subscribes": ["atomic.L"], "emits": [], "attempts": 1}
async def handler(input, ctx):
    async with ctx.atomic():
        await ctx.state.set("L", "kept" if not input["fail"] else "lost", 1)
        if input["fail"]:
            raise ValueError("undo")
""",
    "retry": """
config = {"name": "Retry-L", "triggers": [{"type": "queue", "topic": "retry.L", "retry_delay": 0}]}
async def handler(input, ctx):
    if ctx.attempt < 3:
        raise ValueError("again")
    await ctx.state.set("L", "attempts", ctx.attempt)
""",
    "logs": """
config = {"type": "event", "name": "Logs-L", "subscribes": ["logs.L"], "emits": []}
async def handler(input, ctx):
    ctx.logger.warn("a line", {"n": 1})
    print("printed by L")
""",
    "cron": """
config = {"type": "cron", "name": "Cron-L", "cron": "0 0 1 1 *", "emits": []}
async def handler(ctx):
    await ctx.state.set("L", "tick", ctx.trace_id != "")
""",
    "watch": """
config = {"name": "Watch-L", "triggers": [{"type": "state", "scope": "watched-L"}]}
async def handler(input, ctx):
    await ctx.state.set("L", "seen", [input["key"], input["group_id"], input["new_value"]])
""",
    "call": """
config = {"type": "event", "name": "Call-L", "subscribes": ["call.L"], "emits": []}
async def handler(input, ctx):
    await ctx.trigger_step("State-L", {})
    await ctx.state.set("L", "called", await ctx.call("Twice", 21))
""",
    "stream": """
config = {"type": "api", "name": "Stream-L", "method": "GET", "path": "/L/stream", "emits": []}
async def handler(req, ctx):
    async def lines():
        for n in range(3):
            yield f"{n}\\n"
    return {"status": 200, "body": lines(), "headers": {"content-type": "text/plain"}}
""",
    "bytes": """
config = {"type": "api", "name": "Bytes-L", "method": "POST", "path": "/L/bytes", "emits": []}
async def handler(req, ctx):
    return {"status": 200, "body": bytes(reversed(req.body)), "headers": {"content-type": "image/png"}}
""",
    "items": """
config = {"type": "event", "name": "Items-L", "subscribes": ["items.L"], "emits": []}
async def handler(input, ctx):
    chat = ctx.streams.chat
    await chat.set("L", "one", {"text": "hi"})
    gone = await chat.get("L", "none")
    items = await chat.get_group("L")
    await ctx.state.set("L", "items", [gone, [item["text"] for item in items]])
""",
    "workflow": """
config = {"type": "event", "name": "Workflow-L", "subscribes": ["workflow.L"], "emits": []}
async def handler(input, ctx):
    count = await ctx.step("count", ctx.state.increment, "L", "counted")
    again = await ctx.step("count", ctx.state.increment, "L", "counted")
    paid = await ctx.wait_for("paid.L", match={"order": input["order"]}, timeout="1h")
    await ctx.state.set("L", "went on", [count, again, paid["by"], await ctx.call("Twice", 21)])
""",
    "undo": """
config = {"type": "event", "name": "Undo-L", "subscribes": ["undo.L"], "emits": [], "attempts": 1}
async def handler(input, ctx):
    async def note(what):
        await ctx.state.update("L", "noted", {"type": "append", "path": [], "value": what})
    await ctx.step("one", lambda: 1, undo=lambda n: note("undo %d" % n))
    await ctx.gather(ctx.step("two", lambda: 2, undo=lambda n: note("undo %d" % n)), ctx.call("Twice", 4))
    raise ValueError("for good")
""",
    "unjson": """
config = {"type": "api", "name": "Unjson-L", "method": "GET", "path": "/L/unjson", "emits": []}
async def handler(req, ctx):
    return {"status": 200, "body": {"a": [1, float("nan")]}}
""",
}

SCRIPT = {
    "echo": """
export const config = { type: 'api', name: 'Echo-L', method: 'POST', path: '/L/echo/:id', emits: [] }
export const handler = async (req) => ({
  status: 201,
  body: { body: req.body, id: req.pathParams.id, q: req.queryParams.q, h: req.headers['x-h'] },
  headers: { 'x-answer': 'yes' },
})
""",
    "fails": """
export const config = { type: 'api', name: 'Fails-L', method: 'GET', path: '/L/fails', emits: [] }
export const handler = async () => { throw new Error('a secret detail') }
""",
    "refuses": """
import { HTTPError } from 'motia'
export const config = { type: 'api', name: 'Refuses-L', method: 'GET', path: '/L/refuses', emits: [] }
export const handler = async () => { throw new HTTPError(409, 'taken') }
""",
    "schema": """
export const config = { type: 'api', name: 'Schema-L', method: 'POST', path: '/L/schema', emits: [], bodySchema: SCHEMA }
export const handler = async (req) => ({ status: 200, body: req.body })
""",
    "layers": """
const outer = async (req, ctx, next) => {
  try { return { ...(await next()), headers: { 'x-user': req.user } } }
  catch (error) { return { status: 418, body: error.message } }
}
const inner = async (req, ctx, next) => { req.user = 'ann'; return next() }
export const config = { type: 'api', name: 'Layers-L', method: 'POST', path: '/L/layers', emits: [], middleware: [outer, inner] }
export const handler = async (req) => { if (req.body.fail) throw new Error('inside'); return { status: 200, body: req.user } }
""",
    "condition": """
export const config = {
  name: 'Condition-L', triggers: [{ type: 'queue', topic: 'condition.L', condition: (input) => input.wanted }],
}
export const handler = async (input, { state }) => { await state.set('L', input.key, true) }
""",
    "auth": """
import { HTTPError } from 'motia'
const auth = (req) => {
  if (!req.headers['x-user']) throw new HTTPError(401, 'who are you?')
  const name = req.headers['x-user']
  return name === 'nobody' ? null : name === 'banned' ? false : name
}
export const config = { name: 'Auth-L', triggers: [{ type: 'http', method: 'GET', path: '/L/auth', auth, querySchema: NUMBER }] }
export const handler = async (_, ctx) => ({ status: 200, body: { user: ctx.user } })
""",
    "hops": """
export const config = { type: 'event', name: 'Hops-L', subscribes: ['hops.L'], emits: ['hops.done'] }
export const handler = async ({ left }, { state, emit, traceId }) => {
  await state.set('hops', 'L', traceId)
  if (left.length) await emit({ topic: 'hops.' + left[0], data: { left: left.slice(1) } })
}
""",
    "start": """
export const config = { type: 'api', name: 'Start-L', method: 'POST', path: '/L/start', emits: [] }
export const handler = async ({ body: { left } }, { emit, traceId }) => {
  emit({ topic: 'hops.' + left[0], data: { left: left.slice(1) } })
  return { status: 202, body: { trace: traceId } }
}
""",
    "state": """
export const config = { type: 'event', name: 'State-L', subscribes: ['state.L'], emits: [] }
export const handler = async (_, { state }) => {
  await state.set('kv-L', 'a', { n: 1 })
  await state.update('kv-L', 'a', { type: 'increment', path: 'n', by: 4 })
  await state.increment('kv-L', 'b', 2)
  const old = await state.delete('kv-L', 'b')
  const found = [await state.get('kv-L', 'a'), await state.get('kv-L', 'none'), await state.getGroup('kv-L'), old]
  await state.set('L', 'state', found)
}
""",
    "atomic": """
export const config = { type: 'event', name: 'Atomic-L', subscribes: ['atomic.L'], emits: [], attempts: 1 }
export const handler = async ({ fail }, { atomic, state }) => atomic(async () => {
  await state.set('L', fail ? 'lost' : 'kept', 1)
  if (fail) throw new Error('undo')
})
""",
    "retry": """
export const config = { name: 'Retry-L', triggers: [{ type: 'queue', topic: 'retry.L', retryDelay: 0 }] }
export const handler = async (_, { attempt, state }) => {
  if (attempt < 3) throw new Error('again')
  await state.set('L', 'attempts', attempt)
}
""",
    "logs": """
export const config = { type: 'event', name: 'Logs-L', subscribes: ['logs.L'], emits: [] }
export const handler = async (_, { logger }) => { logger.warn('a line', { n: 1 }); console.log('printed by L') }
""",
    "cron": """
export const config = { type: 'cron', name: 'Cron-L', cron: '0 0 1 1 *', emits: [] }
export const handler = async ({ state, traceId }) => { await state.set('L', 'tick', traceId !== '') }
""",
    "watch": """
export const config = { name: 'Watch-L', triggers: [{ type: 'state', scope: 'watched-L' }] }
export const handler = async (input, { state }) => { await state.set('L', 'seen', [input.key, input.group_id, input.new_value]) }
""",
    "call": """
export const config = { type: 'event', name: 'Call-L', subscribes: ['call.L'], emits: [] }
export const handler = async (_, { call, state }) => {
  await motia.trigger('State-L', {})
  await state.set('L', 'called', await call('Twice', 21))
}
""",
    "stream": """
export const config = { type: 'api', name: 'Stream-L', method: 'GET', path: '/L/stream', emits: [] }
export const handler = async () => {
  const lines = async function* () { for (let n = 0; n < 3; n++) yield `${n}\\n` }
  return { status: 200, body: lines(), headers: { 'content-type': 'text/plain' } }
}
""",
    "bytes": """
export const config = { type: 'api', name: 'Bytes-L', method: 'POST', path: '/L/bytes', emits: [] }
export const handler = async (req) => ({ status: 200, body: req.body.reverse(), headers: { 'content-type': 'image/png' } })
""",
    "items": """
export const config = { type: 'event', name: 'Items-L', subscribes: ['items.L'], emits: [] }
export const handler = async (_, { streams, state }) => {
  await streams.chat.set('L', 'one', { text: 'hi' })
  const gone = await streams.chat.get('L', 'none')
  const items = await streams.chat.getGroup('L')
  await state.set('L', 'items', [gone, items.map((item) => item.text)])
}
""",
    "workflow": """
export const config = { type: 'event', name: 'Workflow-L', subscribes: ['workflow.L'], emits: [] }
export const handler = async (input, { step, waitFor, call, state }) => {
  const count = await step('count', () => state.increment('L', 'counted'))
  const again = await step('count', () => state.increment('L', 'counted'))
  const paid = await waitFor('paid.L', { match: { order: input.order }, timeout: '1h' })
  await state.set('L', 'went on', [count, again, paid.by, await call('Twice', 21)])
}
""",
    "undo": """
export const config = { type: 'event', name: 'Undo-L', subscribes: ['undo.L'], emits: [], attempts: 1 }
export const handler = async (_, { step, call, gather, state }) => {
  const note = (what) => state.update('L', 'noted', { type: 'append', path: [], value: what })
  await step('one', () => 1, { undo: (n) => note(`undo ${n}`) })
  await gather(step('two', () => 2, { undo: (n) => note(`undo ${n}`) }), call('Twice', 4))
  throw new Error('for good')
}
""",
    "unjson": """
export const config = { type: 'api', name: 'Unjson-L', method: 'GET', path: '/L/unjson', emits: [] }
export const handler = async () => ({ status: 200, body: { a: [1, NaN] } })
""",
}

RUBY = {
    "echo": """
def config = { type: "api", name: "Echo-L", method: "POST", path: "/L/echo/:id", emits: [] }
def handler(req, context)
  body = { body: req.body, id: req["pathParams"]["id"], q: req["queryParams"]["q"], h: req.headers["x-h"] }
  { status: 201, body: body, headers: { "x-answer" => "yes" } }
end
""",
    "fails": """
def config = { type: "api", name: "Fails-L", method: "GET", path: "/L/fails", emits: [] }
def handler(req, context) = raise("a secret detail")
""",
    "refuses": """
def config = { type: "api", name: "Refuses-L", method: "GET", path: "/L/refuses", emits: [] }
def handler(req, context) = raise(Motia::HTTPError.new(409, "taken"))
""",
    "schema": """
def config = { type: "api", name: "Schema-L", method: "POST", path: "/L/schema", emits: [], bodySchema: JSON.parse('SCHEMA') }
def handler(req, context) = { status: 200, body: req.body }
""",
    "condition": """
def config = { name: "Condition-L", triggers: [{ type: "queue", topic: "condition.L", condition: ->(input, _) { input["wanted"] } }] }
def handler(input, context) = context.state.set("L", input["key"], true)
""",
    "auth": """
def config = { name: "Auth-L", triggers: [{ type: "http", method: "GET", path: "/L/auth", querySchema: NUMBER, auth: ->(req, _) { { "nobody" => nil, "banned" => false }.fetch(req.headers["x-user"], req.headers["x-user"]) } }] }
def handler(req, context) = { status: 200, body: { user: context.user } }
""",
    "hops": """
def config = { type: "event", name: "Hops-L", subscribes: ["hops.L"], emits: ["hops.done"] }
def handler(input, context)
  context.state.set("hops", "L", context.trace_id)
  left = input["left"]
  context.emit({ topic: "hops." + left[0], data: { left: left[1..] } }) unless left.empty?
end
""",
    "start": """
def config = { type: "api", name: "Start-L", method: "POST", path: "/L/start", emits: [] }
def handler(req, context)
  left = req.body["left"]
  context.emit({ topic: "hops." + left[0], data: { left: left[1..] } })
  { status: 202, body: { trace: context.trace_id } }
end
""",
    "state": """
def config = { type: "event", name: "State-L", subscribes: ["state.L"], emits: [] }
def handler(input, context)
  state = context.state
  state.set("kv-L", "a", { n: 1 })
  state.update("kv-L", "a", { type: "increment", path: "n", by: 4 })
  state.increment("kv-L", "b", 2)
  old = state.delete("kv-L", "b")
  state.set("L", "state", [state.get("kv-L", "a"), state.get("kv-L", "none"), state.get_group("kv-L"), old])
end
""",
    "atomic": """
def config = { type: "event", name: "Atomic-L", subscribes: ["atomic.L"], emits: [], attempts: 1 }
def handler(input, context)
  context.atomic do
    context.state.set("L", input["fail"] ? "lost" : "kept", 1)
    raise "undo" if input["fail"]
  end
end
""",
    "retry": """
def config = { name: "Retry-L", triggers: [{ type: "queue", topic: "retry.L", retry_delay: 0 }] }
def handler(input, context)
  raise "again" if context.attempt < 3
  context.state.set("L", "attempts", context.attempt)
end
""",
    "logs": """
def config = { type: "event", name: "Logs-L", subscribes: ["logs.L"], emits: [] }
def handler(input, context)
  context.logger.warn("a line", { n: 1 })
  puts "printed by L"
end
""",
    "cron": """
def config = { type: "cron", name: "Cron-L", cron: "0 0 1 1 *", emits: [] }
def handler(context) = context.state.set("L", "tick", context.trace_id != "")
""",
    "watch": """
def config = { name: "Watch-L", triggers: [{ type: "state", scope: "watched-L" }] }
def handler(input, context) = context.state.set("L", "seen", [input["item_id"], input["group_id"], input["new_value"]])
""",
    "call": """
def config = { type: "event", name: "Call-L", subscribes: ["call.L"], emits: [] }
def handler(input, context)
  context.trigger_step("State-L", {})
  context.state.set("L", "called", context.call("Twice", 21))
end
""",
    "workflow": """
def config = { type: "event", name: "Workflow-L", subscribes: ["workflow.L"], emits: [] }
def handler(input, context)
  count = context.step("count") { context.state.increment("L", "counted") }
  again = context.step("count") { context.state.increment("L", "counted") }
  paid = context.wait_for("paid.L", match: { order: input["order"] }, timeout: "1h")
  context.state.set("L", "went on", [count, again, paid["by"], context.call("Twice", 21)])
end
""",
    "unjson": """
def config = { type: "api", name: "Unjson-L", method: "GET", path: "/L/unjson", emits: [] }
def handler(req, context) = { status: 200, body: { a: [1, Float::NAN] } }
""",
}

SOURCES = {"py": PYTHON, "ts": SCRIPT, "js": SCRIPT, "rb": RUBY}
SCHEMA = (
    '{"type": "object", "properties": {"name": {"type": "string", "minLength": 2}, '
    '"role": {"type": "string", "default": "user"}}, "required": ["name"]}'
)
NUMBER = '{"type": "object", "properties": {"n": {"type": "integer"}}}'
_SHARED = {
    "steps/twice_step.py": """
config = {"type": "event", "name": "Twice", "subscribes": ["twice"], "emits": []}
async def handler(input, ctx):
    return 2 * input
""",
    "steps/chat_stream.py": 'config = {"name": "chat", "schema": {"type": "object"}}\n',
}


def files() -> Iterator[tuple[str, str]]:
    """Every file of the project, its name and its text."""
    yield from _SHARED.items()
    for language, sources in SOURCES.items():
        for behaviour, text in sources.items():
            filled = text.replace("SCHEMA", SCHEMA).replace("NUMBER", NUMBER)
            for mark in ("-L", "/L/", ".L", '"L"', "'L'", " L"):
                filled = filled.replace(mark, mark.replace("L", language))
            yield f"steps/{behaviour}_{language}{EXTENSIONS[language]}", filled


def write_project(folder: Path) -> None:
    """Write the project into an empty folder."""
    (folder / "steps").mkdir()
    for name, text in files():
        (folder / name).write_text(text)
