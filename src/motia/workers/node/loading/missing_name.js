// What is said of an import that asks for a name its module does not have.
import { UsageError } from '../authoring/errors.js'

/** So many names of a module are told; of more, only the nearest one. */
const MOST_NAMES = 12

/**
 * The error for the first of the names that is not there; null where all are.
 * @param {any} exports
 * @param {string[]} names
 * @param {string} specifier
 */
export function missingName(exports, names, specifier) {
  const known = Object(exports)
  // What is no ES module as a whole stands for its default.
  const missing = names.find((name) => !(name in known) && (name !== 'default' || known.__esModule))
  if (missing === undefined) return null
  const wanted = missing === 'default' ? 'a default export, got none' : `a name that it exports, got '${missing}'`
  return new UsageError(`${specifier}: expected ${wanted}`, {
    code: 'step.import_failed',
    hint: hintFor(missing, Object.keys(known)),
  })
}

/** @param {string} name @param {string[]} known */
function hintFor(name, known) {
  const near = known
    .map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, distance }) => distance <= Math.max(name.length, other.length) / 3)
    .sort((a, b) => a.distance - b.distance)[0]
  if (near !== undefined) return `did you mean '${near.other}'?`
  if (known.length > MOST_NAMES) return 'types are imported with `import type`'
  return known.length > 0 ? `it exports ${known.join(', ')}` : 'it exports nothing'
}

/** Letters to change, add or remove. @param {string} a @param {string} b */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const letter of a) {
    const next = [row[0] + 1]
    for (let index = 1; index <= b.length; index++) {
      next.push(Math.min(row[index] + 1, next[index - 1] + 1, row[index - 1] + (letter === b[index - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}
