// Defining steps: step(config, handler), and the function dialect api({id, …}, handler).
import { UsageError } from './errors.js'
import { cronTrigger, http, kindOf, queue } from './triggers.js'

/** @typedef {(...args: any[]) => any} Handler */
/** @typedef {Record<string, any>} Config */

/** A config and its handler: `export const { config, handler } = step({…}, fn)` works too. */
export class StepDefinition {
  /** @param {Config} config @param {Handler | Branches | undefined} handler */
  constructor(config, handler) {
    this.config = config
    this.handler = handler
  }
}

/** A handler that is one function for each kind of trigger. */
export class Branches {
  /** @param {Record<string, Handler>} byKind */
  constructor(byKind) {
    this.byKind = byKind
  }

  /** The function for triggers of `kind`; for runs by hand the default one, else the first.
   * @param {string} kind */
  branch(kind) {
    return this.byKind[kind] ?? this.byKind.default ?? Object.values(this.byKind)[0]
  }
}

/**
 * `step(config, handler)`, or `step(config).handle(handler)`.
 * @param {Config} config
 * @param {Handler} [handler]
 */
export function step(config, handler) {
  expectConfig(config, 'step')
  if (handler !== undefined) return new StepDefinition(config, expectFunction(handler, 'step'))
  return {
    config,
    handle: (/** @type {Handler} */ later) => new StepDefinition(config, expectFunction(later, 'step')),
  }
}

/**
 * A step whose triggers have handlers of their own: `.handlers({ http, queue })` or `.onHttp(fn).onQueue(fn)`.
 * @param {Config} config
 */
export function multiTriggerStep(config) {
  expectConfig(config, 'multiTriggerStep')
  /** @type {Record<string, Handler>} */
  const byKind = {}
  const on = (/** @type {string} */ kind) => (/** @type {Handler} */ handler) => {
    byKind[kind] = expectFunction(handler, 'multiTriggerStep')
    return builder
  }
  const builder = {
    config,
    onHttp: on('http'),
    onApi: on('http'),
    onQueue: on('queue'),
    onCron: on('cron'),
    onState: on('state'),
    onStream: on('stream'),
    handlers: (/** @type {Record<string, Handler>} */ handlers = {}) => {
      for (const [kind, handler] of Object.entries(handlers)) on(kindOf({ type: kind }))(handler)
      const kinds = new Set((config.triggers ?? []).map(kindOf))
      const missing = [...kinds].filter((kind) => !(kind in byKind))
      if (missing.length > 0 && !('default' in byKind)) {
        throw new UsageError(
          `multiTriggerStep: expected a handler for every trigger, got none for ${missing.join(', ')}`,
          { hint: 'add them to handlers({…}), or a `default` handler' },
        )
      }
      return new StepDefinition(config, new Branches(byKind))
    },
  }
  return builder
}

/** `api({id, method, path, schema}, handler)` defines a step; `api('GET', '/x')` is a trigger, as `http`.
 * @param {any[]} args @returns {any} */
export function api(...args) {
  return typeof args[0] === 'string' ? http(args[0], args[1], args[2], args[3]) : define('api', args)
}

/** `event({id, schema}, handler)` defines a step; `event('topic')` is a trigger, as `queue`.
 * @param {any[]} args @returns {any} */
export function event(...args) {
  return typeof args[0] === 'string' ? queue(args[0], args[1], args[2]) : define('event', args)
}

/** `cron({id, schedule}, handler)` defines a step; `cron('0 9 * * *')` is a trigger.
 * @param {any[]} args @returns {any} */
export function cron(...args) {
  return typeof args[0] === 'string' ? cronTrigger(args[0], args[1], args[2]) : define('cron', args)
}

/** A step that is drawn in flows, and runs only by hand.
 * @param {Config} config @param {Handler} [handler] */
export function noop(config, handler) {
  return define('noop', handler === undefined ? [config, () => undefined] : [config, handler])
}

/** @param {string} type @param {any[]} args */
function define(type, [config, handler]) {
  expectConfig(config, type)
  return new StepDefinition({ ...config, type, dialect: 'function' }, expectFunction(handler, type))
}

/** @param {unknown} config @param {string} where */
function expectConfig(config, where) {
  if (config === null || typeof config !== 'object' || Array.isArray(config)) {
    throw new UsageError(`${where}: expected a config object, got ${JSON.stringify(config)}`)
  }
}

/** @param {unknown} value @param {string} where @returns {Handler} */
function expectFunction(value, where) {
  if (typeof value !== 'function') {
    throw new UsageError(`${where}: expected a function as handler, got ${JSON.stringify(value)}`)
  }
  return /** @type {Handler} */ (value)
}
