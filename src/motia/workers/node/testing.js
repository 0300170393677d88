// Runs a step in a test, without a server: state, messages and streams are kept in memory.
import { Invocation } from './invocation/invocation.js'
import { runStep } from './invocation/run.js'
import { motia } from './authoring/index.js'
import { UsageError } from './authoring/errors.js'
import { StepDefinition } from './authoring/steps.js'
import { readDefinitions } from './loading/definitions.js'
import { fromWire } from './protocol/values.js'
import { TestStore } from './testing_store.js'

/** @typedef {import('./loading/definitions.js').Callable} Callable */

/** @param {any} given A module, or a step definition. */
export function testStep(given) {
  const exports = given instanceof StepDefinition ? { default: given } : given
  /** @type {Map<string, Callable>} */
  const callables = new Map()
  const file = { path: 'test.step.ts', absolute: `${process.cwd()}/test.step.ts`, text: '', exports: { ...exports } }
  const { definitions, problems } = readDefinitions(file, callables)
  const definition = definitions.find(({ handler }) => handler !== null)
  if (definition === undefined) {
    throw new UsageError(`testStep: expected a step with a handler, got ${problems[0]?.message ?? 'none'}`)
  }
  return new StepTester(definition, callables)
}

class StepTester {
  #definition
  #callables

  /** @param {import('./loading/definitions.js').Definition} definition @param {Map<string, Callable>} callables */
  constructor(definition, callables) {
    this.#definition = definition
    this.#callables = callables
    this.config = definition.config
    Object.defineProperty(globalThis, 'motia', { value: motia, configurable: true, writable: true })
  }

  /** @param {any} [request] @param {any} [options] */
  request({ method, body, query = {}, params = {}, headers = {} } = {}, options = {}) {
    const trigger = this.#trigger('http')
    const given = {
      method: method ?? trigger.method ?? 'GET',
      path: trigger.path ?? '/',
      route: trigger.path ?? '/',
      path_params: params,
      query_params: query,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      body,
      ...(body !== undefined && { raw_body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }
    return this.#run('http', trigger, { request: given }, options)
  }

  /** @param {any} data @param {any} [options] */
  message(data, options = {}) {
    return this.#run('queue', this.#trigger('queue'), { input: data }, options)
  }

  /** @param {any} [options] */
  tick(options = {}) {
    return this.#run('cron', this.#trigger('cron'), { input: null }, options)
  }

  /** @param {string} kind @returns {Record<string, any>} */
  #trigger(kind) {
    const names = { http: ['http', 'api'], queue: ['queue', 'event'], cron: ['cron'] }[kind] ?? [kind]
    const triggers = this.config.triggers ?? [this.config]
    return triggers.find((/** @type {any} */ trigger) => names.includes(trigger.type)) ?? {}
  }

  /** @param {string} kind @param {Record<string, any>} trigger @param {object} given @param {any} options */
  async #run(kind, trigger, given, { traceId = 'test-trace', attempt = 1, user, ...kept }) {
    const store = new TestStore(kept)
    const context = {
      trace_id: traceId,
      span_id: 'test-span',
      step: this.config.name ?? this.config.id ?? 'step',
      flows: this.config.flows ?? [],
      attempt,
      dialect: this.config.dialect ?? 'triggers',
      trigger: { type: kind, index: 0, topic: trigger.topic, path: trigger.path, method: trigger.method },
      user,
    }
    const params = {
      function: this.#definition.handler,
      ...given,
      context,
      ...asked({ parse: parsers(kind, trigger), auth: user === undefined ? handle(trigger.auth) : undefined }),
      ...asked({ condition: handle(trigger.condition), middleware: trigger.middleware?.map(handle) }),
    }
    const streams = /** @type {AsyncIterable<any>[]} */ ([])
    const returned = /** @type {any} */ (
      await new Promise((resolve, reject) => {
        const ended = { failed: reject, suspended: () => resolve({ outcome: 'suspended' }) }
        const invocation = (store.invocation = new Invocation(/** @type {any} */ (store), 1, ended))
        const find = (/** @type {string} */ name) => /** @type {Callable} */ (this.#callables.get(name))
        const openStream = (/** @type {AsyncIterable<any>} */ items) => {
          streams.push(items)
          return { $stream: streams.length }
        }
        runStep(invocation, params, find, openStream).then(resolve, reject)
      })
    )
    const outcome = store.answered ?? returned
    const value = await withStreams(fromWire(outcome.value), streams)
    return { value, enqueued: store.enqueued, logs: store.logs, ...asked({ outcome: outcome.outcome, customStatus: store.customStatus }) }
  }
}

/** @param {any} value @returns {string | undefined} */
const handle = (value) => value?.$function

/** @param {Record<string, any>} members */
const asked = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** @param {string} kind @param {Record<string, any>} trigger */
function parsers(kind, trigger) {
  const parser = (/** @type {any} */ schema) => schema?.['x-motia-parse']
  const whole = trigger.schema ?? {}
  const found =
    kind === 'http'
      ? asked({
          body: parser(trigger.bodySchema ?? whole.body ?? whole),
          query: parser(trigger.querySchema ?? whole.query),
          params: parser(trigger.paramsSchema ?? whole.params),
        })
      : asked({ input: parser(trigger.input ?? trigger.schema) })
  return Object.keys(found).length > 0 ? found : undefined
}

/** The value with its streams as the lists of their items.
 * @param {any} value @param {AsyncIterable<any>[]} streams */
async function withStreams(value, streams) {
  const items = async (/** @type {any} */ one) => {
    const found = []
    for await (const item of streams[one.$stream - 1]) found.push(item)
    return found
  }
  if (value?.$stream !== undefined) return items(value)
  return value?.body?.$stream !== undefined ? { ...value, body: await items(value.body) } : value
}
