// What a handler may throw beside its own errors, and what it may return to steer the queue.
import { seconds } from './durations.js'

/** The author used the API in a way that cannot work. */
export class UsageError extends Error {
  /** @param {string} message @param {{code?: string, hint?: string, retryable?: boolean}} [options] */
  constructor(message, { code = 'handler.misuse', hint, retryable = false } = {}) {
    super(message)
    this.name = 'UsageError'
    this.code = code
    this.hint = hint
    this.retryable = retryable
  }
}

/** What stopped a workflow: see its `code`. Throw one to end a run for good: `retryable: false`. */
export class WorkflowError extends Error {
  /** @param {string} message @param {{code?: string, hint?: string, retryable?: boolean, details?: object}} [options] */
  constructor(message, { code = 'workflow.failed', hint, retryable = false, details = {} } = {}) {
    super(message)
    this.name = 'WorkflowError'
    this.code = code
    this.hint = hint
    this.retryable = retryable
    this.details = details
  }
}

/** Nobody answered what `ctx.approval` asked in time. */
export class ApprovalExpiredError extends WorkflowError {
  /** @param {string} message @param {{code?: string, hint?: string, retryable?: boolean, details?: object}} [options] */
  constructor(message, options) {
    super(message, { code: 'workflow.approval_expired', ...options })
    this.name = 'ApprovalExpiredError'
  }
}

/** Throw it to answer a request with an error: `throw new HTTPError(404, 'no such order')`. */
export class HTTPError extends Error {
  /** @param {number} status 400–599 @param {unknown} [detail] @param {Record<string, string>} [headers] */
  constructor(status, detail, headers) {
    super(typeof detail === 'string' ? detail : 'the handler refused the request')
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`HTTPError: expected a status from 400 to 599, got ${status}`)
    }
    this.name = 'HTTPError'
    this.code = 'http.error'
    this.status = status
    this.detail = detail
    this.headers = headers
  }
}

/** Return it to run the message again, as a failed attempt, after `delay` (as the policy says without). */
export class Retry {
  /** @param {import('./durations.js').Duration} [delay] @param {string} [reason] */
  constructor(delay, reason = '') {
    this.delayS = delay === undefined ? null : seconds(delay, 'Retry')
    this.reason = reason
  }
}

/** Return it to run the message again after `delay`, charging no attempt. */
export class Snooze {
  /** @param {import('./durations.js').Duration} delay @param {string} [reason] */
  constructor(delay, reason = '') {
    this.delayS = seconds(delay, 'Snooze')
    this.reason = reason
  }
}

/** Return it to give the message up: it is cancelled, neither completed nor dead-lettered. */
export class Cancel {
  /** @param {string} [reason] */
  constructor(reason = '') {
    this.reason = reason
  }
}
