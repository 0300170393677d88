// One project as this process loaded it: its files' definitions, and its functions by handle.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as authoring from '../authoring/index.js'
import { describeError } from '../protocol/errors.js'
import * as testing from '../testing.js'
import { absent } from './absent.js'
import { readDefinitions } from './definitions.js'
import { missingName } from './missing_name.js'
import { ModuleGraph } from './modules.js'
import { Resolver } from './resolve.js'
import { Transpiler } from './transpile.js'
import { readPathMapper } from './tsconfig.js'

/** @typedef {{path: string, definitions: import('./definitions.js').Definition[], problems: object[]}} LoadedFile */

const LONGEST_S = 120

export class Project {
  /** @type {Map<string, import('./definitions.js').Callable>} */
  callables = new Map()
  /** @type {Map<string, Promise<LoadedFile>>} */
  #files = new Map()
  #modules
  #transpiler
  isLoading = false

  /** @param {string} dir @param {string} cacheFolder */
  constructor(dir, cacheFolder) {
    this.dir = dir
    const resolver = new Resolver(readPathMapper(dir))
    this.#transpiler = new Transpiler(cacheFolder)
    this.#modules = new ModuleGraph(resolver, this.#transpiler, { motia: strict(authoring), testing, absent })
  }

  /**
   * What the files declare. Each is run once, one after the other; a broken one hides no other.
   * One that waits for ever at its top level gets a part of the time, and is then a problem.
   * @param {string[]} files Relative, with forward slashes.
   * @param {number} [withinS] How long the caller waits for all of them.
   * @returns {Promise<LoadedFile[]>}
   */
  async load(files, withinS = LONGEST_S) {
    const loaded = []
    const endMs = performance.now() + withinS * 1000
    this.isLoading = true
    for (const path of files) {
      let file = this.#files.get(path)
      if (file === undefined) {
        file = within(this.#loadFile(path), path, (endMs - performance.now()) / 4)
        this.#files.set(path, file)
      }
      loaded.push(await file)
    }
    this.isLoading = false
    setImmediate(() => this.#transpiler.prune()) // after the answer
    return loaded
  }

  /** The exports of any file of the project, for configuration and tests. @param {string} path Relative. */
  exportsOf(path) {
    return this.#modules.load(join(this.dir, path))
  }

  /** @param {string} path @returns {Promise<LoadedFile>} */
  async #loadFile(path) {
    const absolute = join(this.dir, path)
    try {
      const exports = await this.#modules.load(absolute)
      const text = readFileSync(absolute, 'utf8')
      return { path, ...readDefinitions({ path, absolute, text, exports }, this.callables) }
    } catch (error) {
      const { message, data } = describeError(error, this.dir)
      return { path, definitions: [], problems: [problemOf(message, data, path)] }
    }
  }
}

/** What a file declares, or after so long the problem that it still waits.
 * @param {Promise<LoadedFile>} file @param {string} path @param {number} limitMs @returns {Promise<LoadedFile>} */
function within(file, path, limitMs) {
  return new Promise((resolve) => {
    const late = {
      message: `top-level await: expected to be over within ${Math.round(limitMs / 1000)} s, got none`,
      line: 1,
      code: 'step.import_failed',
      hint: 'connect where it is first needed, in the handler',
    }
    const timer = setTimeout(() => resolve({ path, definitions: [], problems: [late] }), limitMs)
    file.then((loaded) => {
      clearTimeout(timer)
      resolve(loaded)
    })
  })
}

/**
 * The problem at the file's own line; where it came out of another file, that place stands in the message.
 * @param {string} message
 * @param {Record<string, any>} data
 * @param {string} path
 */
function problemOf(message, { type, stack = '', line, hint }, path) {
  const rest = { type, stack, ...(hint && { hint }) }
  const own = new RegExp(`(?:^|[\\s(])${path.replace(/\W/g, '\\$&')}:(\\d+)`).exec(stack)
  if (own !== null) return { ...rest, message, line: Number(own[1]) }
  const place = /(?:\(|\bat )(?!\/|node:)((?!node_modules\/)[^\s()]+:\d+):\d+\)?$/m.exec(stack)
  if (place !== null) return { ...rest, message: `${message} (${place[1]})`, line: 1 }
  return { ...rest, message, line: line ?? 1 }
}

/** The module as an object that says so when a name is asked for that it does not have.
 * @param {Record<string, any>} module */
function strict(module) {
  const exports = { ...module, __esModule: true }
  return new Proxy(exports, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target || name === 'then' || name === 'default') return Reflect.get(target, name)
      throw missingName(target, [name], 'motia')
    },
  })
}
