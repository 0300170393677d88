// What an import means: a file of the project, a package, a part of Node, or this framework.
import { realpathSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, extname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeRequire } from './native_require.js'

/**
 * @typedef {{kind: 'framework', name: string} | {kind: 'file', path: string}
 *   | {kind: 'package', specifier: string}} Resolved
 */

const FRAMEWORK = new Set(['motia', '@motia/core', '@motiadev/core', '@iii-dev/motia'])
const BUILTIN = new Set(builtinModules)
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json']
/** What a specifier with a JavaScript extension may be in the sources. */
const SOURCES = /** @type {Record<string, string[]>} */ ({
  '.js': ['.ts', '.tsx', '.jsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
})
const OWN = /\.(?:[mc]?[jt]s|[jt]sx)$/
/** By a file that a package manager leaves. */
const ADDING = [
  ['pnpm-lock.yaml', 'pnpm add'],
  ['yarn.lock', 'yarn add'],
  ['bun.lock', 'bun add'],
  ['bun.lockb', 'bun add'],
  ['package-lock.json', 'npm install'],
]
const INSTALLED = `${sep}node_modules${sep}`

export class Resolver {
  #mapPaths
  /** @type {Map<string, Resolved>} */
  #known = new Map()

  /** @param {import('./tsconfig.js').PathMapper} mapPaths */
  constructor(mapPaths) {
    this.#mapPaths = mapPaths
  }

  /**
   * Failure: an `Error` with the code `MODULE_NOT_FOUND`.
   * @param {string} specifier
   * @param {string} from The importing file.
   * @returns {Resolved}
   */
  resolve(specifier, from) {
    const key = `${dirname(from)}\0${specifier}`
    let found = this.#known.get(key)
    if (found === undefined) this.#known.set(key, (found = this.#find(specifier, from)))
    return found
  }

  /** @param {string} specifier @param {string} from @returns {Resolved} */
  #find(specifier, from) {
    const name = frameworkName(specifier)
    if (name !== null) return { kind: 'framework', name }
    if (specifier.startsWith('node:') || BUILTIN.has(specifier)) return { kind: 'package', specifier }
    if (specifier.startsWith('file:')) specifier = fileURLToPath(specifier)
    if (/^\.{1,2}(?:\/|$)|^\//.test(specifier)) {
      const path = existing(resolve(dirname(from), specifier))
      if (path === null) throw notFound(specifier, from)
      return { kind: 'file', path }
    }
    for (const candidate of this.#mapPaths(specifier)) {
      const path = existing(candidate)
      if (path !== null) return { kind: 'file', path }
    }
    return packageOf(specifier, from)
  }
}

/** @param {string} specifier */
function frameworkName(specifier) {
  if (FRAMEWORK.has(specifier)) return 'motia'
  if (specifier === 'motia/testing') return 'testing'
  // Plugins and the old console's components: present in files that must still load.
  return specifier.startsWith('@motiadev/plugin-') || specifier === 'motia/workbench' ? 'absent' : null
}

/** @param {string} specifier @param {string} from @returns {Resolved} */
function packageOf(specifier, from) {
  let path
  try {
    path = nativeRequire(from).resolve(specifier)
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    // Only for `import`: its main file is found when it is imported.
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return { kind: 'package', specifier }
    throw notFound(specifier, from)
  }
  if (path.includes(INSTALLED)) {
    const real = realpathSync(path)
    // A package of the same workspace, linked in: its sources are the author's.
    if (real.includes(INSTALLED) || !OWN.test(real)) return { kind: 'package', specifier }
    path = real
  }
  return { kind: 'file', path }
}

/** The file that a path without its extension, or of a folder, means. @param {string} path */
function existing(path) {
  if (isFile(path)) return path
  const extension = extname(path)
  const sources = SOURCES[extension] ?? []
  const stem = path.slice(0, path.length - extension.length)
  return (
    sources.map((source) => stem + source).find(isFile) ??
    EXTENSIONS.map((known) => path + known).find(isFile) ??
    EXTENSIONS.map((known) => join(path, `index${known}`)).find(isFile) ??
    null
  )
}

/** @param {string} path */
function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** @param {string} specifier @param {string} from */
function notFound(specifier, from) {
  const isPath = /^[./]/.test(specifier)
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  return Object.assign(new Error(`Cannot find ${isPath ? 'file' : 'package'} '${specifier}' imported from ${from}`), {
    code: 'MODULE_NOT_FOUND',
    hint: isPath ? undefined : `${commandThatAdds(from)} ${name}`,
  })
}

/** Of the package manager that has left its files in the project or a workspace around it; else of npm.
 * @param {string} from */
function commandThatAdds(from) {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const found = ADDING.find(([file]) => isFile(join(folder, file)))
    if (found !== undefined) return found[1]
    if (folder === dirname(folder)) return 'npm install'
  }
}
