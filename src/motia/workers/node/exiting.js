// `process.exit` of user code: of a step it ends that step, and not the process that runs all others.
import { UsageError } from './authoring/errors.js'
import { running } from './authoring/current.js'

/** Have `process.exit` throw while `isLoading()`, or where a step runs; elsewhere it stays what it is.
 * @param {() => boolean} isLoading */
export function guardExit(isLoading) {
  const { exit } = process
  process.exit = /** @type {typeof process.exit} */ (
    (/** @type {any} */ code) => {
      if (running.getStore() === undefined && !isLoading()) return exit(code)
      throw new UsageError(`process.exit(${code ?? ''}): expected to return or to throw, got a call that ends the process`, {
        hint: 'a worker runs many steps at once; scripts that end themselves belong into files of their own',
      })
    }
  )
}
