// What makes a step run, as an author writes it: http('POST', '/orders'), queue('order.created') …

/** @typedef {Record<string, any>} Options */


/**
 * Options and a condition, in whichever of the two places each was written.
 * @param {unknown} options
 * @param {unknown} condition
 * @returns {Options}
 */
function optionsOf(options, condition) {
  /** @type {Options} */
  const given = typeof options === 'function' ? { condition: options } : { .../** @type {Options} */ (options ?? {}) }
  if (condition !== undefined) given.condition = /** @type {Function} */ (condition)
  return given
}

/** A route: `http('POST', '/orders/:id', { bodySchema })`.
 * @param {string} method @param {string} path @param {Options | Function} [options] @param {Function} [condition] */
export function http(method, path, options, condition) {
  return { type: 'http', method, path, ...optionsOf(options, condition) }
}

/** Messages of a topic: `queue('order.created', { input: schema, retries: 3 })`.
 * @param {string} topic @param {Options | Function} [options] @param {Function} [condition] */
export function queue(topic, options, condition) {
  return { type: 'queue', topic, ...optionsOf(options, condition) }
}

/** Ticks of an expression: `cronTrigger('0 9 * * *')`.
 * @param {string} expression @param {Options | Function} [options] @param {Function} [condition] */
export function cronTrigger(expression, options, condition) {
  return { type: 'cron', expression, ...optionsOf(options, condition) }
}

/** Changes of state: `state({ scope: 'orders' })`.
 * @param {Options | Function} [options] @param {Function} [condition] */
export function state(options, condition) {
  return { type: 'state', ...optionsOf(options, condition) }
}

/** Changes of a stream's items: `stream('chat', { groupId: 'room' })`.
 * @param {string} streamName @param {Options | Function} [options] @param {Function} [condition] */
export function stream(streamName, options, condition) {
  return { type: 'stream', streamName, ...optionsOf(options, condition) }
}

/** A point in time: `at('2030-01-01T00:00:00Z')`.
 * @param {Date | string | number} when @param {Options | Function} [options] @param {Function} [condition] */
export function at(when, options, condition) {
  return { type: 'at', at: when instanceof Date ? when.toISOString() : when, ...optionsOf(options, condition) }
}

const KIND_OF_TYPE = /** @type {Record<string, string>} */ ({ api: 'http', event: 'queue' })

/** The kind of a trigger by its canonical name.
 * @param {any} trigger @returns {string} */
export const kindOf = (trigger) => KIND_OF_TYPE[trigger?.type] ?? String(trigger?.type ?? '')

/** @param {any} config @returns {any[]} */
const triggersOf = (config) => {
  const own = config?.config ?? config
  if (Array.isArray(own?.triggers)) return own.triggers
  return own?.type && own.type !== 'noop' ? [own] : []
}

/** @param {string} kind */
const guardsOf = (kind) => ({
  isTrigger: (/** @type {any} */ trigger) => kindOf(trigger) === kind,
  isStep: (/** @type {any} */ config) => triggersOf(config).some((trigger) => kindOf(trigger) === kind),
  triggers: (/** @type {any} */ config) => triggersOf(config).filter((trigger) => kindOf(trigger) === kind),
})

export const guards = {
  http: guardsOf('http'),
  queue: guardsOf('queue'),
  cron: guardsOf('cron'),
  state: guardsOf('state'),
  stream: guardsOf('stream'),
}
