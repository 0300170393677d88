// `node config.js PROJECT FILE`: evaluates a motia.config file and prints what it says as one JSON object.
import { join } from 'node:path'
import { exportsOfConfig } from './loading/definitions.js'
import { Project } from './loading/project.js'
import { describeError } from './protocol/errors.js'

const [dir, file] = process.argv.slice(2)
const print = process.stdout.write.bind(process.stdout)
// What the file itself prints must not end up inside the answer.
process.stdout.write = /** @type {any} */ (process.stderr.write.bind(process.stderr))

/** Values that JSON can carry; functions stay visible, so that what is not supported can be named.
 * @param {any} value @param {number} [depth] @returns {any} */
function plain(value, depth = 0) {
  if (typeof value === 'function') return { $function: true }
  if (value === null || typeof value !== 'object' || depth > 20) return typeof value === 'bigint' ? Number(value) : value
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]))
}

let answer
try {
  const project = new Project(dir, join(dir, '.motia', 'cache', 'node'))
  answer = { config: plain(exportsOfConfig(await project.exportsOf(file))) }
} catch (error) {
  const { message, data } = describeError(error, dir)
  answer = { error: { message, type: data.type, line: data.line ?? 1, hint: data.hint ?? null } }
}
print(`${JSON.stringify(answer)}\n`, () => process.exit(0))
