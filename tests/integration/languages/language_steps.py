"""The same steps in every language. `L` stands for the language's short name, in routes, names and topics.

A step of JavaScript is one of TypeScript, too: one text serves both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

EXTENSIONS = {"py": "_step.py", "ts": ".step.ts", "js": ".step.js", "rb": "_step.rb", "go": "_step.go"}
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
    return {"status": 202, "body": {"trace": ctx.trace_id, "parent": ctx.traceparent}}
""",
    "state": """
config = {"type": "event", "name": "State-L", "subscribes": ["state.L"], "emits": []}
async def handler(input, ctx):
    state = ctx.state
    await state.set("kv-L", "a", {"n": 1})
    changed = await state.update("kv-L", "a", {"type": "increment", "path": "n", "by": 4})
    await state.increment("kv-L", "b", 2)
    old = await state.delete("kv-L", "b")
    found = [await state.get("kv-L", "a"), await state.get("kv-L", "none"), await state.get_group("kv-L"), old]
    found += [changed["old_value"], changed["new_value"], changed["version"]]
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
    await chat.set("L", "one", {"text": "hi", "likes": 1})
    liked = await chat.update("L", "one", {"type": "increment", "path": "likes", "by": 2})
    await chat.set("L", "two", {"text": "oops"})
    await chat.delete("L", "two")
    await chat.send({"groupId": "L"}, {"type": "typing", "data": {"who": "ann"}})
    gone = await chat.get("L", "two")
    items = await chat.get_group("L")
    told = [liked["old_value"]["likes"], liked["new_value"]["likes"], liked["version"] > 0]
    await ctx.state.set("L", "items", [gone, [item["text"] for item in items], told])
""",
    "bulk": """
config = {"type": "event", "name": "Bulk-L", "subscribes": ["bulk.L", "later.L"], "emits": ["later.L"]}
async def handler(input, ctx):
    bulk = await ctx.enqueue_many("later.L", [{"n": n} for n in range(3)], delay="1h")
    before = await ctx.queue.bulk(bulk)
    ended = await ctx.queue.cancel_bulk(bulk)
    after = await ctx.queue.bulk(bulk)
    await ctx.state.set("L", "bulk", [before.total, before.waiting, ended, after.waiting, after.cancelled])
""",
    "workflow": """
config = {"type": "event", "name": "Workflow-L", "subscribes": ["workflow.L"], "emits": []}
async def handler(input, ctx):
    if "odd" in input:
        await ctx.step("odd", lambda: {"a": [1, float("nan")]})
    count = await ctx.step("count", ctx.state.increment, "L", "counted")
    again = await ctx.step("count", ctx.state.increment, "L", "counted")
    try:
        paid = await ctx.wait_for("paid.L", match={"order": input["order"]}, timeout="1h")
    finally:
        await ctx.step("out", ctx.state.increment, "L", "out")
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
    "asks": """
config = {"type": "event", "name": "Asks-L", "subscribes": ["asks.L"], "emits": [], "attempts": 1}
async def handler(input, ctx):
    await ctx.set_custom_status({"at": "the boss"})
    async def tell(link):
        await ctx.state.set("L", "link", [link, ctx.run_id])
    answer = await ctx.approval(ANSWER, title="Pay L?", expires="2d", notify=tell)
    mine = await ctx.get_run(ctx.run_id)
    await ctx.state.set("L", "answered", [answer["approved"], mine.custom_status, await ctx.get_run("0" * 32)])
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
export const handler = async ({ body: { left } }, { emit, traceId, traceparent }) => {
  emit({ topic: 'hops.' + left[0], data: { left: left.slice(1) } })
  return { status: 202, body: { trace: traceId, parent: traceparent } }
}
""",
    "state": """
export const config = { type: 'event', name: 'State-L', subscribes: ['state.L'], emits: [] }
export const handler = async (_, { state }) => {
  await state.set('kv-L', 'a', { n: 1 })
  const changed = await state.update('kv-L', 'a', { type: 'increment', path: 'n', by: 4 })
  await state.increment('kv-L', 'b', 2)
  const old = await state.delete('kv-L', 'b')
  const found = [await state.get('kv-L', 'a'), await state.get('kv-L', 'none'), await state.getGroup('kv-L'), old]
  found.push(changed.old_value, changed.new_value, changed.version)
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
  const { chat } = streams
  await chat.set('L', 'one', { text: 'hi', likes: 1 })
  const liked = await chat.update('L', 'one', { type: 'increment', path: 'likes', by: 2 })
  await chat.set('L', 'two', { text: 'oops' })
  await chat.delete('L', 'two')
  await chat.send({ groupId: 'L' }, { type: 'typing', data: { who: 'ann' } })
  const gone = await chat.get('L', 'two')
  const items = await chat.getGroup('L')
  const told = [liked.old_value.likes, liked.new_value.likes, liked.version > 0]
  await state.set('L', 'items', [gone, items.map((item) => item.text), told])
}
""",
    "bulk": """
export const config = { type: 'event', name: 'Bulk-L', subscribes: ['bulk.L', 'later.L'], emits: ['later.L'] }
export const handler = async (_, { enqueueMany, queue, state }) => {
  const bulk = await enqueueMany('later.L', [{ n: 0 }, { n: 1 }, { n: 2 }], { delay: '1h' })
  const before = await queue.bulk(bulk)
  const ended = await queue.cancelBulk(bulk)
  const after = await queue.bulk(bulk)
  await state.set('L', 'bulk', [before.total, before.waiting, ended, after.waiting, after.cancelled])
}
""",
    "workflow": """
export const config = { type: 'event', name: 'Workflow-L', subscribes: ['workflow.L'], emits: [] }
export const handler = async (input, { step, waitFor, call, state }) => {
  if (input.odd) await step('odd', () => ({ a: [1, NaN] }))
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
    "asks": """
export const config = { type: 'event', name: 'Asks-L', subscribes: ['asks.L'], emits: [], attempts: 1 }
export const handler = async (_, { approval, setCustomStatus, getRun, runId, state }) => {
  await setCustomStatus({ at: 'the boss' })
  const notify = (link) => state.set('L', 'link', [link, runId])
  const { approved } = await approval(ANSWER, { title: 'Pay L?', expires: '2d', notify })
  const { customStatus } = await getRun(runId)
  await state.set('L', 'answered', [approved, customStatus, await getRun('0'.repeat(32))])
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
    "layers": """
OUTER = lambda do |req, context, inner|
  inner.call.merge({ headers: { "x-user" => req.user } })
rescue StandardError => error
  { status: 418, body: error.message }
end
INNER = lambda do |req, context, inner|
  req.user = "ann"
  inner.call
end
def config = { type: "api", name: "Layers-L", method: "POST", path: "/L/layers", emits: [], middleware: [OUTER, INNER] }
def handler(req, context)
  raise "inside" if req.body.fail
  { status: 200, body: req.user }
end
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
  { status: 202, body: { trace: context.trace_id, parent: context.traceparent } }
end
""",
    "state": """
def config = { type: "event", name: "State-L", subscribes: ["state.L"], emits: [] }
def handler(input, context)
  state = context.state
  state.set("kv-L", "a", { n: 1 })
  changed = state.update("kv-L", "a", { type: "increment", path: "n", by: 4 })
  state.increment("kv-L", "b", 2)
  old = state.delete("kv-L", "b")
  found = [state.get("kv-L", "a"), state.get("kv-L", "none"), state.get_group("kv-L"), old]
  state.set("L", "state", found + [changed["old_value"], changed.new_value, changed[:version]])
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
    "stream": """
def config = { type: "api", name: "Stream-L", method: "GET", path: "/L/stream", emits: [] }
def handler(req, context)
  lines = Enumerator.new { |out| 3.times { |n| out << "#{n}\\n" } }
  { status: 200, body: lines, headers: { "content-type" => "text/plain" } }
end
""",
    "bytes": """
def config = { type: "api", name: "Bytes-L", method: "POST", path: "/L/bytes", emits: [] }
def handler(req, context) = { status: 200, body: req.body.b.reverse, headers: { "content-type" => "image/png" } }
""",
    "items": """
def config = { type: "event", name: "Items-L", subscribes: ["items.L"], emits: [] }
def handler(input, context)
  chat = context.streams.chat
  chat.set("L", "one", { text: "hi", likes: 1 })
  liked = chat.update("L", "one", { type: "increment", path: "likes", by: 2 })
  chat.set("L", "two", { text: "oops" })
  chat.delete("L", "two")
  chat.send_event("L", { type: "typing", data: { who: "ann" } })
  texts = chat.get_group("L").map(&:text)
  told = [liked["old_value"]["likes"], liked["new_value"]["likes"], liked["version"] > 0]
  context.state.set("L", "items", [chat.get("L", "two"), texts, told])
end
""",
    "bulk": """
def config = { type: "event", name: "Bulk-L", subscribes: ["bulk.L", "later.L"], emits: ["later.L"] }
def handler(input, context)
  bulk = context.enqueue_many("later.L", [{ n: 0 }, { n: 1 }, { n: 2 }], delay: 3600)
  before = context.bulk(bulk)
  ended = context.cancel_bulk(bulk)
  after = context.bulk(bulk)
  context.state.set("L", "bulk", [before.total, before.waiting, ended, after.waiting, after.cancelled])
end
""",
    "workflow": """
def config = { type: "event", name: "Workflow-L", subscribes: ["workflow.L"], emits: [] }
def handler(input, context)
  context.step("odd") { { a: [1, Float::NAN] } } if input["odd"]
  count = context.step("count") { context.state.increment("L", "counted") }
  again = context.step("count") { context.state.increment("L", "counted") }
  begin
    paid = context.wait_for("paid.L", match: { order: input["order"] }, timeout: "1h")
  ensure
    context.step("out") { context.state.increment("L", "out") }
  end
  context.state.set("L", "went on", [count, again, paid["by"], context.call("Twice", 21)])
end
""",
    "unjson": """
def config = { type: "api", name: "Unjson-L", method: "GET", path: "/L/unjson", emits: [] }
def handler(req, context) = { status: 200, body: { a: [1, Float::NAN] } }
""",
}


def _go(config: str, handler: str, *imports: str, before: str = "") -> str:
    """A step file of Go: its imports, its config, the body of its handler."""
    names = "".join(f'\t"{name}"\n' for name in ("motia", *imports))
    return (
        f"package steps\n\nimport (\n{names})\n{before}\nfunc init() {{\n\tmotia.Step(motia.Config{{{config}}}, "
        f"func(ctx *motia.Context, input any) (any, error) {{{handler}}})\n}}\n"
    )


def _go_api(name: str, method: str, handler: str, *imports: str, more: str = "", before: str = "") -> str:
    path = f"/L/{name.lower()}" + ("/:id" if name == "Echo" else "")
    config = (
        f'"type": "api", "name": "{name}-L", "method": "{method}", "path": "{path}", "emits": []string{{}}'
    )
    text = f"\treq := input.(*motia.Request)\n\t_ = req\n{handler}"
    return _go(config + more, text, *imports, before=before)


def _go_event(name: str, handler: str, *imports: str, more: str = "", before: str = "") -> str:
    topic = f"{name.lower()}.L"
    config = (
        f'"type": "event", "name": "{name}-L", "subscribes": []string{{"{topic}"}}, "emits": []string{{}}'
    )
    return _go(config + more, handler, *imports, before=before)


_GO_ONE = '"attempts": 1'
GO = {
    "echo": _go_api(
        "Echo",
        "POST",
        """
	body := map[string]any{"body": req.Body, "id": req.PathParams["id"], "q": req.QueryParams["q"], "h": req.Headers["x-h"]}
	return motia.Response{Status: 201, Body: body, Headers: map[string]string{"x-answer": "yes"}}, nil
""",
    ),
    "fails": _go_api("Fails", "GET", '\treturn nil, motia.Errorf("a secret detail")\n'),
    "refuses": _go_api("Refuses", "GET", '\treturn nil, &motia.HTTPError{Status: 409, Detail: "taken"}\n'),
    "schema": _go_api(
        "Schema",
        "POST",
        "\treturn motia.Response{Status: 200, Body: req.Body}, nil\n",
        "encoding/json",
        more=', "bodySchema": json.RawMessage(`SCHEMA`)',
    ),
    "layers": _go_api(
        "Layers",
        "POST",
        """
	if req.Fields()["fail"] == true {
		return nil, motia.Errorf("inside")
	}
	return motia.Response{Status: 200, Body: req.Headers["x-user"]}, nil
""",
        more=', "middleware": []any{outer, inner}',
        before="""
func outer(ctx *motia.Context, input any) (any, error) {
	found, err := motia.NextOf(ctx)(input)
	if err != nil {
		return motia.Response{Status: 418, Body: err.Error()}, nil
	}
	response := found.(motia.Response)
	response.Headers = map[string]string{"x-user": input.(*motia.Request).Headers["x-user"]}
	return response, nil
}

func inner(ctx *motia.Context, input any) (any, error) {
	input.(*motia.Request).Headers["x-user"] = "ann"
	return motia.NextOf(ctx)(input)
}
""",
    ),
    "condition": _go(
        """"name": "Condition-L", "triggers": []any{map[string]any{"type": "queue", "topic": "condition.L",
		"condition": func(_ *motia.Context, input any) (any, error) {
			return input.(map[string]any)["wanted"], nil
		}}}""",
        '\treturn nil, ctx.State.Set("L", input.(map[string]any)["key"].(string), true)\n',
    ),
    "auth": _go(
        """"name": "Auth-L", "triggers": []any{map[string]any{"type": "http", "method": "GET", "path": "/L/auth",
		"auth": who, "querySchema": json.RawMessage(`NUMBER`)}}""",
        '\treturn motia.Response{Status: 200, Body: map[string]any{"user": ctx.User}}, nil\n',
        "encoding/json",
        before="""
func who(_ *motia.Context, input any) (any, error) {
	switch user := input.(*motia.Request).Headers["x-user"]; user {
	case "", "nobody":
		return nil, nil
	case "banned":
		return false, nil
	default:
		return user, nil
	}
}
""",
    ),
    "hops": _go_event(
        "Hops",
        """
	if err := ctx.State.Set("hops", "L", ctx.TraceID); err != nil {
		return nil, err
	}
	if left := input.(map[string]any)["left"].([]any); len(left) > 0 {
		return ctx.Enqueue("hops."+left[0].(string), map[string]any{"left": left[1:]})
	}
	return nil, nil
""",
    ),
    "start": _go_api(
        "Start",
        "POST",
        """
	left := req.Fields()["left"].([]any)
	_, err := ctx.Enqueue("hops."+left[0].(string), map[string]any{"left": left[1:]})
	return motia.Response{Status: 202, Body: map[string]any{"trace": ctx.TraceID, "parent": ctx.Traceparent()}}, err
""",
    ),
    "state": _go_event(
        "State",
        """
	state := ctx.State
	if err := state.Set("kv-L", "a", map[string]any{"n": 1}); err != nil {
		return nil, err
	}
	changed, err := state.Update("kv-L", "a", motia.Operation{"type": "increment", "path": "n", "by": 4})
	if err != nil {
		return nil, err
	}
	if _, err := state.Increment("kv-L", "b", 2); err != nil {
		return nil, err
	}
	old, _ := state.Delete("kv-L", "b")
	a, _ := state.Get("kv-L", "a")
	none, _ := state.Get("kv-L", "none")
	entries, err := state.Entries("kv-L")
	if err != nil {
		return nil, err
	}
	found := []any{a, none, []any{entries["a"]}, old, changed.Old, changed.New, changed.Version}
	return nil, state.Set("L", "state", found)
""",
    ),
    "atomic": _go_event(
        "Atomic",
        """
	fail := input.(map[string]any)["fail"] == true
	return nil, ctx.Atomic(func() error {
		key := "kept"
		if fail {
			key = "lost"
		}
		if err := ctx.State.Set("L", key, 1); err != nil || !fail {
			return err
		}
		return motia.Errorf("undo")
	})
""",
        more=f", {_GO_ONE}",
    ),
    "retry": _go(
        """"name": "Retry-L", "triggers": []any{map[string]any{"type": "queue", "topic": "retry.L", "retry_delay": 0}}""",
        """
	if ctx.Attempt < 3 {
		return nil, motia.Errorf("again")
	}
	return nil, ctx.State.Set("L", "attempts", ctx.Attempt)
""",
    ),
    "logs": _go_event(
        "Logs",
        '\tctx.Log.Warn("a line", map[string]any{"n": 1})\n\tctx.Print("printed by L")\n\treturn nil, nil\n',
    ),
    "cron": _go(
        '"type": "cron", "name": "Cron-L", "cron": "0 0 1 1 *", "emits": []string{}',
        '\treturn nil, ctx.State.Set("L", "tick", ctx.TraceID != "")\n',
    ),
    "watch": _go(
        '"name": "Watch-L", "triggers": []any{map[string]any{"type": "state", "scope": "watched-L"}}',
        """
	change := input.(map[string]any)
	seen := []any{change["item_id"], change["group_id"], change["new_value"]}
	return nil, ctx.State.Set("L", "seen", seen)
""",
    ),
    "call": _go_event(
        "Call",
        """
	if _, err := ctx.TriggerStep("State-L", map[string]any{}); err != nil {
		return nil, err
	}
	found, err := ctx.Call("Twice", 21)
	if err != nil {
		return nil, err
	}
	return nil, ctx.State.Set("L", "called", found)
""",
    ),
    "stream": _go_api(
        "Stream",
        "GET",
        """
	lines := make(chan any)
	go func() {
		defer close(lines)
		for n := range 3 {
			select {
			case lines <- fmt.Sprintf("%d\\n", n):
			case <-ctx.Done():
				return
			}
		}
	}()
	return motia.Response{Status: 200, Body: lines, Headers: map[string]string{"content-type": "text/plain"}}, nil
""",
        "fmt",
    ),
    "bytes": _go_api(
        "Bytes",
        "POST",
        """
	body := slices.Clone(req.Body.([]byte))
	slices.Reverse(body)
	return motia.Response{Status: 200, Body: body, Headers: map[string]string{"content-type": "image/png"}}, nil
""",
        "slices",
    ),
    "items": _go_event(
        "Items",
        """
	chat := ctx.Stream("chat")
	if _, err := chat.Set("L", "one", map[string]any{"text": "hi", "likes": 1}); err != nil {
		return nil, err
	}
	liked, err := chat.Update("L", "one", motia.Operation{"type": "increment", "path": "likes", "by": 2})
	if err != nil {
		return nil, err
	}
	if _, err := chat.Set("L", "two", map[string]any{"text": "oops"}); err != nil {
		return nil, err
	}
	if _, err := chat.Delete("L", "two"); err != nil {
		return nil, err
	}
	if err := chat.Send("L", "typing", map[string]any{"who": "ann"}); err != nil {
		return nil, err
	}
	gone, _ := chat.Get("L", "two")
	items, err := chat.List("L")
	texts := []any{}
	for _, item := range items {
		texts = append(texts, item.(map[string]any)["text"])
	}
	before, after := liked.Old.(map[string]any)["likes"], liked.New.(map[string]any)["likes"]
	if err != nil {
		return nil, err
	}
	return nil, ctx.State.Set("L", "items", []any{gone, texts, []any{before, after, liked.Version > 0}})
""",
    ),
    "bulk": _go(
        """"type": "event", "name": "Bulk-L", "subscribes": []string{"bulk.L", "later.L"},
		"emits": []string{"later.L"}""",
        """
	items := []any{map[string]any{"n": 0}, map[string]any{"n": 1}, map[string]any{"n": 2}}
	bulk, err := ctx.EnqueueMany("later.L", items, motia.Sending{Delay: time.Hour})
	if err != nil {
		return nil, err
	}
	before, err := ctx.Bulk(bulk)
	if err != nil {
		return nil, err
	}
	ended, err := ctx.CancelBulk(bulk)
	if err != nil {
		return nil, err
	}
	after, err := ctx.Bulk(bulk)
	if err != nil {
		return nil, err
	}
	found := []any{before.Total, before.Waiting, ended, after.Waiting, after.Cancelled}
	return nil, ctx.State.Set("L", "bulk", found)
""",
        "time",
    ),
    "workflow": _go_event(
        "Workflow",
        """
	if input.(map[string]any)["odd"] == true {
		odd := map[string]any{"a": []any{1, math.NaN()}}
		return ctx.Step("odd", func(context.Context) (any, error) { return odd, nil })
	}
	counted := func(context.Context) (any, error) { return ctx.State.Increment("L", "counted", 1) }
	count, err := ctx.Step("count", counted)
	if err != nil {
		return nil, err
	}
	again, err := ctx.Step("count", counted)
	if err != nil {
		return nil, err
	}
	match := map[string]any{"order": input.(map[string]any)["order"]}
	paid, err := ctx.WaitFor("paid.L", motia.WaitOptions{Match: match, Timeout: time.Hour})
	if err != nil {
		return nil, err
	}
	twice, err := ctx.Call("Twice", 21)
	if err != nil {
		return nil, err
	}
	found := []any{count, again, paid.(map[string]any)["by"], twice}
	return nil, ctx.State.Set("L", "went on", found)
""",
        "context",
        "math",
        "time",
    ),
    "unjson": _go_api(
        "Unjson",
        "GET",
        '\treturn motia.Response{Status: 200, Body: map[string]any{"a": []any{1, math.NaN()}}}, nil\n',
        "math",
    ),
}

SOURCES = {"py": PYTHON, "ts": SCRIPT, "js": SCRIPT, "rb": RUBY, "go": GO}
SCHEMA = (
    '{"type": "object", "properties": {"name": {"type": "string", "minLength": 2}, '
    '"role": {"type": "string", "default": "user"}}, "required": ["name"]}'
)
ANSWER = '{"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}'
NUMBER = '{"type": "object", "properties": {"n": {"type": "integer"}}}'
_SHARED = {
    "steps/twice_step.py": """
config = {"type": "event", "name": "Twice", "subscribes": ["twice"], "emits": []}
async def handler(input, ctx):
    return 2 * input
""",
    "steps/chat_stream.py": 'config = {"name": "chat", "schema": {"type": "object"}}\n',
}


def files(languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every file of the project, its name and its text."""
    yield from _SHARED.items()
    for language in languages:
        for behaviour, text in SOURCES[language].items():
            filled = text.replace("SCHEMA", SCHEMA).replace("NUMBER", NUMBER).replace("ANSWER", ANSWER)
            yield f"steps/{behaviour}_{language}{EXTENSIONS[language]}", re.sub(r"\bL\b", language, filled)


def write_project(folder: Path, languages: Sequence[str] = LANGUAGES) -> None:
    """Write the project into an empty folder."""
    (folder / "steps").mkdir()
    for name, text in files(languages):
        (folder / name).write_text(text)
