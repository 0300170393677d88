// Which step is running here: the context of the invocation that called, however deep in the code.
import { AsyncLocalStorage } from 'node:async_hooks'
import { UsageError } from './errors.js'

/** @typedef {import('../invocation/context.js').Context} Context */

/** @type {AsyncLocalStorage<Context>} */
export const running = new AsyncLocalStorage()

/**
 * The context of the step that is running. Failure: `UsageError` outside of one.
 * @returns {Context}
 */
export function currentContext() {
  const context = running.getStore()
  if (context === undefined) {
    throw new UsageError('expected to run inside a step\'s handler, got a call outside of one', {
      code: 'context.missing',
      hint: 'move the call into the handler; at the top of a file no step is running yet',
    })
  }
  return context
}
