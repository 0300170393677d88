// Structured logs of a step: `logger.info('created', { id })`.
import { toLogData } from '../protocol/values.js'

/** @typedef {'debug' | 'info' | 'warning' | 'error'} Level */

export class Logger {
  #invocation

  /** @param {import('./invocation.js').Invocation} invocation */
  constructor(invocation) {
    this.#invocation = invocation
    // Members may be taken apart and passed on.
    this.debug = this.#line('debug')
    this.info = this.#line('info')
    this.warn = this.#line('warning')
    this.warning = this.warn
    this.error = this.#line('error')
    this.exception = this.error
  }

  /** @param {Level} level @returns {(message: unknown, ...data: unknown[]) => void} */
  #line(level) {
    return (message, ...data) => {
      if (typeof message !== 'string') {
        data.unshift(message)
        message = message instanceof Error ? message.message : ''
      }
      this.#invocation.log(level, String(message), ...data.slice(0, 1).map((value) => toLogData(value)))
    }
  }
}
