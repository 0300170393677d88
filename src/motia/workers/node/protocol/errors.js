// A thrown value as the protocol carries it: code, type, and the frames of the author's own code.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { HTTPError, WorkflowError } from '../authoring/errors.js'

const OWN_FOLDER = dirname(dirname(fileURLToPath(import.meta.url)))
/** So many of an `AggregateError` are shown. */
const MOST_ERRORS = 5
const FRAME = /^\s+at /
const PLACE = /(?:\(|\bat (?:async )?)((?:file:\/\/)?\/[^()]+?):(\d+):\d+\)?$/

/** Something the other side said, or that this framework found: with a stable code. */
export class MotiaError extends Error {
  /** @param {string} code @param {string} message @param {Record<string, any>} [data] */
  constructor(code, message, data = {}) {
    super(message)
    this.name = 'MotiaError'
    this.code = code
    this.data = data
  }
}

/**
 * @param {unknown} thrown
 * @param {string} projectDir
 * @returns {{code: number, message: string, data: Record<string, any>}}
 */
export function describeError(thrown, projectDir) {
  const error = thrown instanceof Error || isErrorLike(thrown) ? /** @type {Error} */ (thrown) : new Error(textOf(thrown))
  const own = error instanceof MotiaError
  const { stack, line } = own ? { stack: '', line: null } : ownStack(error, projectDir)
  const { hint, retryable } = /** @type {any} */ (error)
  return {
    code: -32000,
    message: String(error.message || error.name || 'Error').replaceAll(`${projectDir}/`, ''),
    data: {
      code: own ? error.code : codeOf(error),
      type: own ? String(error.data.type ?? error.name) : (error.constructor?.name ?? error.name ?? 'Error'),
      stack,
      ...(line !== null && { line }),
      ...(typeof hint === 'string' && { hint }),
      ...(typeof retryable === 'boolean' && { retryable }),
      ...(error instanceof HTTPError && { status: error.status, detail: error.detail ?? null, headers: error.headers ?? {} }),
      ...(own && error.data),
    },
  }
}

/** A text with stacks in it, without the frames of this framework. @param {string} text */
export function withoutOwnFrames(text) {
  if (!text.includes(OWN_FOLDER)) return text
  return text
    .split('\n')
    .filter((line) => !FRAME.test(line) || !line.includes(OWN_FOLDER))
    .join('\n')
}

/** @param {unknown} value */
function isErrorLike(value) {
  return value !== null && typeof value === 'object' && 'message' in value && 'stack' in value
}

/** @param {unknown} thrown */
function textOf(thrown) {
  return typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 4, breakLength: Infinity })
}

/** @param {Error} error */
function codeOf(error) {
  const coded = error.name === 'UsageError' || error instanceof HTTPError || error instanceof WorkflowError
  if (coded) return String(/** @type {any} */ (error).code)
  return 'handler.raised'
}

/**
 * The stack without our own frames and Node's, paths relative to the project; causes below.
 * @param {Error} error
 * @param {string} projectDir
 * @returns {{stack: string, line: number | null}}
 */
function ownStack(error, projectDir) {
  const lines = String(error.stack ?? `${error.name}: ${error.message}`).split('\n')
  const kept = []
  /** @type {number | null} */
  let line = typeof (/** @type {any} */ (error).line) === 'number' ? /** @type {any} */ (error).line : null
  for (const text of lines) {
    if (!FRAME.test(text)) {
      kept.push(text)
      continue
    }
    const place = PLACE.exec(text)
    const path = place?.[1].replace(/^file:\/\//, '')
    if (path === undefined || path.startsWith(OWN_FOLDER)) continue
    if (line === null && path.startsWith(projectDir) && !path.includes('/node_modules/')) line = Number(place?.[2])
    kept.push(text)
  }
  const { cause, errors } = /** @type {any} */ (error)
  if (cause instanceof Error && cause !== error) kept.push(`[cause]: ${ownStack(cause, projectDir).stack}`)
  if (error instanceof AggregateError) {
    for (const one of errors.slice(0, MOST_ERRORS)) {
      kept.push(`[error]: ${one instanceof Error ? ownStack(one, projectDir).stack : textOf(one)}`)
    }
  }
  return { stack: kept.join('\n').replaceAll(`${projectDir}/`, ''), line }
}
