// `paths` and `baseUrl` of a project's tsconfig.json: what else an import may mean.
import { readFileSync } from 'node:fs'
import { nativeRequire } from './native_require.js'
import { dirname, resolve } from 'node:path'

/** @typedef {(specifier: string) => string[]} PathMapper Candidates without an extension, best first. */

/**
 * Where the project's tsconfig says that a specifier may be. Without one, or with a broken one: nowhere.
 * @param {string} projectDir
 * @returns {PathMapper}
 */
export function readPathMapper(projectDir) {
  const found = readOptions(resolve(projectDir, 'tsconfig.json'), 0)
  const { paths = {}, pathsBase = projectDir, baseUrl } = found
  const patterns = Object.entries(paths).map(([pattern, targets]) => ({
    prefix: pattern.split('*')[0],
    suffix: pattern.includes('*') ? pattern.split('*')[1] : null,
    targets: targets.map((target) => resolve(pathsBase, target)),
  }))
  // The longest prefix is the most specific.
  patterns.sort((a, b) => b.prefix.length - a.prefix.length)
  return (specifier) => {
    const candidates = patterns.flatMap(({ prefix, suffix, targets }) => {
      if (suffix === null) return specifier === prefix ? targets : []
      if (!specifier.startsWith(prefix) || !specifier.endsWith(suffix)) return []
      const middle = specifier.slice(prefix.length, specifier.length - suffix.length)
      return targets.map((target) => target.replace('*', () => middle))
    })
    return baseUrl === undefined ? candidates : [...candidates, resolve(baseUrl, specifier)]
  }
}

/**
 * @param {string} file
 * @param {number} depth
 * @returns {{paths?: Record<string, string[]>, pathsBase?: string, baseUrl?: string}}
 */
function readOptions(file, depth) {
  const config = readJsonWithComments(file)
  if (config === null || depth > 8) return {}
  const folder = dirname(file)
  let result = {}
  for (const parent of [config.extends ?? []].flat()) {
    const parentFile = locate(String(parent), file)
    if (parentFile !== null) result = { ...result, ...readOptions(parentFile, depth + 1) }
  }
  const { baseUrl, paths } = config.compilerOptions ?? {}
  const base = typeof baseUrl === 'string' ? resolve(folder, baseUrl) : undefined
  return {
    ...result,
    ...(base !== undefined && { baseUrl: base }),
    ...(paths && { paths, pathsBase: base ?? folder }),
  }
}

/** @param {string} specifier @param {string} from */
function locate(specifier, from) {
  const name = specifier.endsWith('.json') ? specifier : `${specifier}.json`
  if (/^[./]/.test(specifier)) return resolve(dirname(from), name)
  try {
    return nativeRequire(from).resolve(name)
  } catch {
    return null
  }
}

/** @param {string} file @returns {any} */
function readJsonWithComments(file) {
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return null
  }
  // Texts are matched first, so that what looks like a comment inside one stays.
  const plain = text
    .replace(/^\uFEFF/, '')
    .replace(/("(?:\\.|[^"\\])*")|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (_, string) => string ?? '')
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, string) => string ?? '')
  try {
    return JSON.parse(plain)
  } catch {
    return null
  }
}
