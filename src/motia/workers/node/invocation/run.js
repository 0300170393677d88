// Runs a step as the protocol says: auth, parse, condition, middleware, handler; then what it left open.
import { running } from '../authoring/current.js'
import { UsageError } from '../authoring/errors.js'
import { Branches } from '../authoring/steps.js'
import { MotiaError } from '../protocol/errors.js'
import { readableChange } from './change.js'
import { Context } from './context.js'
import { outcomeOf } from './outcome.js'
import { parseInput, parseRequest } from './parse.js'
import { Request } from './request.js'
import { Responder } from './responder.js'

/**
 * @typedef {import('./invocation.js').Invocation} Invocation
 * @typedef {import('../loading/definitions.js').Callable} Callable
 * @typedef {(handle: string) => Callable} Find Failure: `MotiaError` for a handle that is unknown.
 * @typedef {(items: AsyncIterable<any>) => {$stream: number}} OpenStream
 */

/**
 * The answer to `invoke`. Failure: what the author's code throws.
 * @param {Invocation} invocation
 * @param {Record<string, any>} params
 * @param {Find} find
 * @param {OpenStream} openStream
 * @returns {Promise<object>}
 */
export function runStep(invocation, params, find, openStream) {
  const context = (invocation.context = new Context(invocation, params.context))
  return running.run(context, async () => {
    const handler = find(params.function)
    invocation.file = handler.file
    if (params.request !== undefined) return runForRequest(invocation, context, params, handler, find, openStream)
    const { parse, condition } = params
    const byHand = params.context.trigger.type === 'manual'
    let input = parse?.input === undefined ? params.input : await parseInput(find(parse.input), params.input)
    if (byHand && handler.only === 'http') input = requestByHand(input)
    if (params.context.trigger.type === 'state' || params.context.trigger.type === 'stream') input = readableChange(input)
    context.input = input
    if (condition !== undefined && !(await functionOf(find(condition))(input, context))) return SKIPPED
    const kind = byHand ? (handler.only ?? 'queue') : params.context.trigger.type
    const value = await callHandler(handler, kind, input, context)
    if (!invocation.isSettled) await invocation.pending.settled()
    return outcomeOf(value, null)
  })
}

/**
 * The result of `call`: any other function of the author's.
 * @param {Invocation} invocation
 * @param {Record<string, any>} params
 * @param {Find} find
 */
export function callFunction(invocation, { function: handle, arguments: given, context: info, context_at: at }, find) {
  const call = functionOf(find(handle))
  if (info === undefined) return call(...given)
  const context = new Context(invocation, info)
  const isRequest = info.trigger.type === 'http' && given[0]?.path_params !== undefined
  if (isRequest) given[0] = new Request(given[0], null)
  given.splice(at ?? given.length, 0, context)
  return running.run(context, async () => {
    const value = await call(...given)
    await invocation.pending.settled()
    return value
  })
}

const SKIPPED = Object.freeze({ outcome: 'cancelled', reason: 'condition not met' })

/**
 * @param {Invocation} invocation
 * @param {Context} context
 * @param {Record<string, any>} params
 * @param {Callable} handler
 * @param {Find} find
 * @param {OpenStream} openStream
 */
async function runForRequest(invocation, context, params, handler, find, openStream) {
  const { auth, parse, condition, middleware } = params
  /** @type {Responder | undefined} */
  let responder
  const openResponse = () =>
    (responder ??= new Responder(({ status, headers, body }) => {
      invocation.answer({ value: { status, headers, body: openStream(body) } })
    }))
  const request = new Request(params.request, openResponse)
  if (auth !== undefined) context.user = authenticated(await functionOf(find(auth))(request, context))
  if (parse !== undefined) {
    const found = Object.entries(parse).map(([part, handle]) => [part, find(handle)])
    await parseRequest(Object.fromEntries(found), request)
  }
  context.input = request
  if (condition !== undefined && !(await functionOf(find(condition))(request, context))) return SKIPPED
  const call = (/** @type {any} */ input) => callHandler(handler, 'http', input, context)
  let value
  try {
    value = middleware === undefined ? await call(request) : await onion(middleware, call, request, context, find)
    if (!invocation.isSettled) await invocation.pending.settled()
  } catch (error) {
    // What was written so far must not look like the whole.
    if (responder?.started) responder.stream.destroy(/** @type {Error} */ (error))
    throw error
  }
  if (responder === undefined || (!responder.started && value !== undefined)) return outcomeOf(value, openStream)
  responder.close()
  return {}
}

/** The user that `auth` gave: nobody is refused as unknown, `false` as somebody who may not. @param {unknown} user */
function authenticated(user) {
  if (user) return user
  const data = { type: 'AccessError', retryable: false }
  if (user === false) throw new MotiaError('access.denied', 'auth: expected a caller who may do this, got one who may not', data)
  throw new MotiaError('access.unauthenticated', 'auth: expected who calls, got nobody', data)
}

/**
 * Middleware in the order given, the handler innermost. One that called `next()` and returned nothing keeps
 * its result.
 * @param {string[]} handles
 * @param {(request: Request) => Promise<unknown>} handler
 * @param {Request} request
 * @param {Context} context
 * @param {Find} find
 */
function onion(handles, handler, request, context, find) {
  const layers = handles.map((handle) => functionOf(find(handle)))
  /** @param {number} position @param {Request} current @returns {Promise<unknown>} */
  const run = async (position, current) => {
    if (position === layers.length) return handler(current)
    let inner
    const next = async (/** @type {Request} */ replaced = current) => (inner = await run(position + 1, replaced))
    const returned = await layers[position](current, context, next)
    return returned === undefined ? inner : returned
  }
  return run(0, request)
}

/**
 * Ticks carry nothing: a handler of one parameter gets the context, one of two also nothing as its input.
 * @param {Callable} callable
 * @param {string} kind
 * @param {unknown} input
 * @param {Context} context
 */
function callHandler(callable, kind, input, context) {
  const handler = functionOf(callable, kind)
  if (kind !== 'cron' && kind !== 'at') return handler(input, context)
  return handler.length >= 2 ? handler(undefined, context) : handler(context, context)
}

/** @param {Callable} callable @param {string} [kind] @returns {(...args: any[]) => any} */
function functionOf({ function: found }, kind = 'manual') {
  if (found === undefined) throw new UsageError('expected the handle of a function, got that of a schema')
  return found instanceof Branches ? found.branch(kind) : found
}

/** What a handler of a route gets when it is run by hand: the input as the body.
 * @param {any} input */
function requestByHand(input) {
  const request = { method: 'POST', path: '/', route: '/', path_params: {}, query_params: {}, headers: {}, body: input }
  return new Request(request, null)
}
