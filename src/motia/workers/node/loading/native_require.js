// Node's own `require`, as a file of a given folder would call it. Making one costs as much as a small module.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** @type {Map<string, NodeJS.Require>} */
const byFolder = new Map()

/** @param {string} from The requiring file. @returns {NodeJS.Require} */
export function nativeRequire(from) {
  const folder = dirname(from)
  let require = byFolder.get(folder)
  if (require === undefined) byFolder.set(folder, (require = createRequire(from)))
  return require
}
