// The file that `import` of a package means where its manifest has no entry for `require`.
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const CONDITIONS = ['node', 'import', 'module-sync', 'default']

/**
 * URL of the file. Failure: an `Error` with the code `MODULE_NOT_FOUND`.
 * @param {string} specifier
 * @param {string} from
 */
export function importPath(specifier, from) {
  const parts = specifier.split('/')
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  const subpath = ['.', ...parts.slice(name.split('/').length)].join('/')
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const root = join(folder, 'node_modules', name)
    if (statSync(join(root, 'package.json'), { throwIfNoEntry: false })?.isFile()) {
      const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
      const target = targetOf(exports, subpath)
      if (target !== null) return pathToFileURL(join(root, target)).href
    }
    if (folder === dirname(folder)) break
  }
  throw Object.assign(new Error(`Cannot find package '${specifier}' imported from ${from}`), { code: 'MODULE_NOT_FOUND' })
}

/** @param {any} exports @param {string} subpath @returns {string | null} */
function targetOf(exports, subpath) {
  const byPath = typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'))
  if (!byPath) return subpath === '.' ? conditional(exports) : null
  if (subpath in exports) return conditional(exports[subpath])
  for (const [pattern, value] of Object.entries(exports)) {
    const [prefix, suffix] = pattern.split('*')
    if (suffix === undefined || !subpath.startsWith(prefix) || !subpath.endsWith(suffix)) continue
    const middle = subpath.slice(prefix.length, subpath.length - suffix.length)
    return conditional(value)?.replaceAll('*', middle) ?? null
  }
  return null
}

/** @param {any} value @returns {string | null} */
function conditional(value) {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(conditional).find((target) => target !== null) ?? null
  if (value === null || typeof value !== 'object') return null
  for (const [condition, target] of Object.entries(value)) {
    const found = CONDITIONS.includes(condition) ? conditional(target) : null
    if (found !== null) return found
  }
  return null
}
