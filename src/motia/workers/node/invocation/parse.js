// The author's schemas over the input: what they refuse is told by path, what they make is laid over it.
import { MotiaError } from '../protocol/errors.js'
import { laidOver } from '../schemas/overlay.js'
import { parseWith } from '../schemas/schema.js'
import { typedStrings } from '../schemas/typed_strings.js'

/**
 * @typedef {import('../loading/definitions.js').Callable} Callable
 * @typedef {import('../schemas/schema.js').Issue} Issue
 */

const MAX_ISSUES = 100

/**
 * The parsed input. Failure: `MotiaError` `input.invalid`.
 * @param {Callable} callable
 * @param {unknown} input
 */
export async function parseInput(callable, input) {
  return parsed(callable, input, 'input')
}

/**
 * Replace body, query and path of a request by what their schemas make of them. No body skips its schema.
 * Failure: `MotiaError` `input.invalid`.
 * @param {{body?: Callable, query?: Callable, params?: Callable}} callables
 * @param {import('./request.js').Request} request
 */
export async function parseRequest({ body, query, params }, request) {
  if (query !== undefined) {
    request.queryParams = await parsed(query, typedStrings(request.queryParams, query.jsonSchema ?? {}), 'query')
  }
  if (params !== undefined) {
    request.pathParams = await parsed(params, typedStrings(request.pathParams, params.jsonSchema ?? {}), 'path')
  }
  if (body !== undefined && request.body !== undefined) {
    const isForm = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)/.test(request.headers['content-type'] ?? '')
    const value = isForm && isObject(request.body) ? typedStrings(request.body, body.jsonSchema ?? {}) : request.body
    request.body = await parsed(body, value, 'body')
  }
}

/** @param {Callable} callable @param {unknown} value @param {string} what */
async function parsed(callable, value, what) {
  const result = await parseWith(callable.schema, value)
  if ('issues' in result) throw refused(result.issues, what)
  return laidOver(value, result.value)
}

/** @param {Issue[]} issues @param {string} what */
function refused(issues, what) {
  const errors = issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({ path: pathText(path), message }))
  const [first] = errors
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : ''
  return new MotiaError(
    'input.invalid',
    `${what}: expected a value that fits the schema, got a problem at ${first.path || 'the whole value'}: ${first.message}${more}`,
    { type: 'InputError', retryable: false, errors },
  )
}

/** `items[0].quantity` @param {PropertyKey[]} path */
function pathText(path) {
  return path.reduce((/** @type {string} */ text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
