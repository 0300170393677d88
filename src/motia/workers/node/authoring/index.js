// The module `motia` as step files see it, whichever of its names they import it by.
import { running, currentContext } from './current.js'
import { ApprovalExpiredError, Cancel, HTTPError, Retry, Snooze, UsageError, WorkflowError } from './errors.js'
import { Branches, StepDefinition, api, cron, event, multiTriggerStep, noop, step } from './steps.js'
import { Stream } from './streams.js'
import { at, guards, http, queue, state, stream } from './triggers.js'
import { jsonSchemaOf } from '../schemas/schema.js'
import { consoleLogger } from './console_logger.js'

/** A durable message to a topic: `enqueue({ topic, data })` or `enqueue(topic, data, options)`.
 * @param {any} topic @param {unknown} [data] @param {Record<string, any>} [options] */
export const enqueue = (topic, data, options) => currentContext().enqueue(topic, data, options)
export const emit = enqueue
/** A message for each item, in one commit; resolves with the id of the bulk.
 * @param {string} topic @param {Iterable<unknown>} items @param {Record<string, any>} [options] */
export const enqueueMany = (topic, items, options) => currentContext().enqueueMany(topic, items, options)
/** A durable message to one step: resolves with its id once it is stored, never waits for the run.
 * @param {string} id @param {unknown} [data] @param {Record<string, any>} [options] */
export const trigger = (id, data, options) => currentContext().triggerStep(id, data, options)
/** Wait for what another step returns. Durable where a queue drives the running step.
 * @param {string} id @param {unknown} [data] @param {Record<string, any>} [options] */
export const call = (id, data, options) => currentContext().call(id, data, options)

/** An object whose members are those of the running step's.
 * @param {() => any} target @returns {any} */
const forwarding = (target) =>
  new Proxy(Object.create(null), {
    get: (_, name) => {
      const member = target()[name]
      return typeof member === 'function' ? member.bind(target()) : member
    },
  })

export const stateManager = forwarding(() => currentContext().state)
export const StateManager = class StateManager {
  constructor() {
    return stateManager
  }
}
export const streams = forwarding(() => currentContext().streams)
/** The logger of the running step; outside of one, the console. */
export const logger = forwarding(() => running.getStore()?.logger ?? consoleLogger)
export const Logger = class Logger {
  constructor() {
    return logger
  }
}

/** The JSON Schema of the input side of a Zod or Standard Schema.
 * @param {unknown} schema */
export const jsonSchema = (schema) => jsonSchemaOf(schema)

// `motia.config.*` of Motia 0.x and 1.x.
/** @param {any} value */
export const config = (value) => value
export const defineConfig = config

export const isApiTrigger = guards.http.isTrigger
export const isQueueTrigger = guards.queue.isTrigger
export const isCronTrigger = guards.cron.isTrigger
export const isStateTrigger = guards.state.isTrigger
export const isStreamTrigger = guards.stream.isTrigger
export const isApiStep = guards.http.isStep
export const isQueueStep = guards.queue.isStep
export const isCronStep = guards.cron.isStep
export const isStateStep = guards.state.isStep
export const isStreamStep = guards.stream.isStep
export const getApiTriggers = guards.http.triggers
export const getQueueTriggers = guards.queue.triggers
export const getCronTriggers = guards.cron.triggers
export const getStateTriggers = guards.state.triggers
export const getStreamTriggers = guards.stream.triggers

export {
  ApprovalExpiredError,
  Branches,
  Cancel,
  HTTPError,
  Retry,
  Snooze,
  StepDefinition,
  UsageError,
  Stream,
  WorkflowError,
  api,
  at,
  cron,
  event,
  http,
  multiTriggerStep,
  noop,
  queue,
  state,
  step,
  stream,
}

/** The global `motia` of the function dialect. */
export const motia = Object.freeze({
  trigger,
  call,
  enqueue,
  enqueueMany,
  emit,
  logger,
  state: stateManager,
  stateManager,
  streams,
})
