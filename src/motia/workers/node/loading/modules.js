// The project's modules: each file runs once, whoever imports it, by `import`, `require` or `import()`.
//
// A module runs as a function and not through Node's own loaders: those give TypeScript, extension-less
// imports and CommonJS of one file only with hooks that differ from version to version of Node.
import { readFileSync } from 'node:fs'
import { missingName } from './missing_name.js'
import { nativeRequire } from './native_require.js'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'
import { Transpiler } from './transpile.js'

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', '__import', '__dynamicImport', '__meta']
const MUST_BE_IMPORTED = new Set(['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_PACKAGE_PATH_NOT_EXPORTED'])

/**
 * @typedef {object} Module
 * @property {string} path
 * @property {string[]} imports
 * @property {string} code
 * @property {{exports: any}} module
 * @property {Promise<void> | null} running Set while and after it runs.
 * @property {boolean} entered Set while what it imports is run.
 * @property {boolean} started
 * @property {boolean} isOver
 * @property {boolean} failed
 * @property {unknown} error
 */

export class ModuleGraph {
  #resolver
  #transpiler
  #framework
  /** @type {Map<string, Module>} */
  #modules = new Map()
  /** @type {Map<string, any>} Packages that only `import()` can load, by importing folder and name. */
  #imported = new Map()

  /**
   * @param {import('./resolve.js').Resolver} resolver
   * @param {Transpiler} transpiler
   * @param {Record<string, any>} framework What `motia` is, by name of the resolver.
   */
  constructor(resolver, transpiler, framework) {
    this.#resolver = resolver
    this.#transpiler = transpiler
    this.#framework = framework
  }

  /**
   * The exports of a file, run if it was not. Failure: what it throws, each time it is asked for.
   * @param {string} path Absolute.
   * @returns {Promise<any>}
   */
  async load(path) {
    if (path.endsWith('.json')) return readJson(path)
    const module = await this.#read(path)
    await this.#link(module, new Set())
    await this.#run(module, new Set())
    return module.module.exports
  }

  /** @param {string} path @returns {Promise<Module>} */
  async #read(path) {
    const known = this.#modules.get(path)
    if (known !== undefined) return known
    const text = readSource(path)
    if (this.#transpiler.transpile(path, text) === null) await Transpiler.load()
    return this.#readNow(path, text)
  }

  /** @param {string} path @param {string} [text] @returns {Module} */
  #readNow(path, text) {
    const known = this.#modules.get(path)
    if (known !== undefined) return known
    const transpiled = this.#transpiler.transpile(path, text ?? readSource(path))
    if (transpiled === null) throw new Error(`${path}: expected the transpiler to be loaded`)
    const { imports, code, exports } = transpiled
    /** @type {Module} */
    const module = {
      path,
      imports,
      code,
      module: { exports: exports === null ? {} : declared(exports) },
      running: null,
      entered: false,
      started: false,
      isOver: false,
      failed: false,
      error: undefined,
    }
    this.#modules.set(path, module)
    return module
  }

  /**
   * Read everything that a module imports, and import the packages that `require` cannot load.
   * @param {Module} module
   * @param {Set<Module>} visited
   */
  async #link(module, visited) {
    if (visited.has(module) || module.started) return
    visited.add(module)
    for (const specifier of module.imports) {
      try {
        const target = this.#resolver.resolve(specifier, module.path)
        if (target.kind === 'file' && !target.path.endsWith('.json')) {
          await this.#link(await this.#read(target.path), visited)
        } else if (target.kind === 'package') {
          await this.#importIfNeeded(specifier, module.path)
        }
      } catch {
        // The same error comes when the import runs, and is then that of the importing line.
      }
    }
  }

  /** @param {string} specifier @param {string} from */
  async #importIfNeeded(specifier, from) {
    const key = `${dirname(from)}\0${specifier}`
    if (this.#imported.has(key)) return
    try {
      nativeRequire(from)(specifier)
    } catch (error) {
      if (!MUST_BE_IMPORTED.has(/** @type {NodeJS.ErrnoException} */ (error).code ?? '')) throw error
      this.#imported.set(key, asCommonJs(await importFrom(specifier, from)))
    }
  }

  /**
   * Run what a module imports, in order, then the module; modules in a circle see what is there already.
   * @param {Module} module
   * @param {Set<Module>} above
   */
  async #run(module, above) {
    if (!module.started) {
      module.entered = true
      above.add(module)
      for (const specifier of module.imports) {
        const dependency = this.#fileOf(specifier, module.path)
        if (dependency === undefined || above.has(dependency)) continue
        try {
          await this.#run(dependency, above)
        } catch {
          // Thrown again by the import itself.
        }
      }
      above.delete(module)
      module.entered = false
      this.#start(module)
    }
    await module.running
    if (module.failed) throw module.error
  }

  /** @param {string} specifier @param {string} from */
  #fileOf(specifier, from) {
    try {
      const target = this.#resolver.resolve(specifier, from)
      return target.kind === 'file' ? this.#modules.get(target.path) : undefined
    } catch {
      return undefined
    }
  }

  /** Run the code now. `running` is set if it awaits at its top level. @param {Module} module */
  #start(module) {
    if (module.started) return
    module.started = true
    const fail = (/** @type {unknown} */ error) => {
      module.failed = true
      module.error = error
    }
    try {
      const result = this.#call(module)
      if (result instanceof Promise) module.running = result.catch(fail).then(() => void (module.isOver = true))
      else module.isOver = true
    } catch (error) {
      fail(error)
    }
  }

  /** @param {Module} module */
  #call(module) {
    const { path } = module
    const require = this.#requireOf(path)
    const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path), resolve: undefined }
    meta.resolve = /** @type {any} */ ((/** @type {string} */ specifier) => pathToFileURL(require.resolve(specifier)).href)
    const values = [
      module.module.exports,
      require,
      module.module,
      path,
      dirname(path),
      (/** @type {string} */ specifier, /** @type {string[]} */ names) => this.#import(specifier, path, names),
      (/** @type {string} */ specifier) => this.#dynamicImport(String(specifier), path),
      meta,
    ]
    let run
    try {
      run = compiled(module.code, path)
    } catch (error) {
      if (!(error instanceof SyntaxError) || !module.code.includes('await')) throw withLine(error, path)
      return this.#callAsync(module, values)
    }
    run.apply(module.module.exports, values)
    return undefined
  }

  /** The same for code that awaits at its top level. @param {Module} module @param {any[]} values */
  #callAsync(module, values) {
    try {
      const run = compiled(`return (async () => {${module.code}\n})()`, module.path)
      return run.apply(module.module.exports, values)
    } catch (error) {
      throw withLine(error, module.path)
    }
  }

  /** A static import. Failure: also where it lacks one of the names, unless it is part of a circle and may get it.
   * @param {string} specifier @param {string} from @param {string[]} [names] */
  #import(specifier, from, names = []) {
    const exports = this.#imported.get(`${dirname(from)}\0${specifier}`) ?? this.#require(specifier, from)
    const missing = missingName(exports, names, specifier)
    if (missing !== null && !this.#isUnderWay(specifier, from)) throw missing
    return exports
  }

  /** @param {string} specifier @param {string} from */
  #isUnderWay(specifier, from) {
    return this.#fileOf(specifier, from)?.isOver === false
  }

  /** @param {string} specifier @param {string} from @returns {any} */
  #require(specifier, from) {
    const target = this.#resolver.resolve(specifier, from)
    if (target.kind === 'framework') return this.#framework[target.name]
    if (target.kind === 'package') return nativeRequire(from)(specifier)
    if (target.path.endsWith('.json')) return readJson(target.path)
    if (target.path.endsWith('.node')) return nativeRequire(from)(target.path)
    const module = this.#readNow(target.path)
    if (!module.entered) this.#start(module)
    if (module.failed) throw module.error
    return module.module.exports
  }

  /** @param {string} from */
  #requireOf(from) {
    const native = nativeRequire(from)
    const resolve = (/** @type {string} */ specifier) => {
      const target = this.#resolver.resolve(specifier, from)
      return target.kind === 'file' ? target.path : native.resolve(specifier)
    }
    return Object.assign((/** @type {string} */ specifier) => this.#require(specifier, from), {
      resolve,
      cache: native.cache,
      main: undefined,
    })
  }

  /** @param {string} specifier @param {string} from */
  async #dynamicImport(specifier, from) {
    const target = this.#resolver.resolve(specifier, from)
    if (target.kind === 'package') return importFrom(specifier, from)
    const exports = target.kind === 'framework' ? this.#framework[target.name] : await this.load(target.path)
    return asNamespace(exports)
  }
}

/**
 * The code as a function of `PARAMETERS`. ES modules often declare `__dirname` or `require` themselves: then
 * the parameter gives way.
 * @param {string} code
 * @param {string} path
 */
function compiled(code, path) {
  let parameters = PARAMETERS
  for (;;) {
    try {
      return compileFunction(code, parameters, { filename: path })
    } catch (error) {
      const taken = /^Identifier '(\w+)' has already been declared/.exec(/** @type {Error} */ (error).message)?.[1]
      if (taken === undefined || !parameters.includes(taken)) throw error
      parameters = parameters.map((name) => (name === taken ? `${name}_` : name))
    }
  }
}

/** The exports of an ES module before it runs: a module in a circle with it asks for them then.
 * @param {string[]} names */
function declared(names) {
  const exports = Object.fromEntries(names.map((name) => [name, undefined]))
  return Object.defineProperty(exports, '__esModule', { value: true })
}

/** @param {string} path */
function readSource(path) {
  return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readSource(path))
  } catch (error) {
    throw new SyntaxError(`${path}: ${/** @type {Error} */ (error).message}`)
  }
}

/** Node's `import()` as the importing file would call it. @param {string} specifier @param {string} from */
async function importFrom(specifier, from) {
  try {
    return await import(nativeRequire(from).resolve(specifier))
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error
    const { importPath } = await import('./import_path.js')
    return import(importPath(specifier, from))
  }
}

/** A namespace as code made from `import` statements expects it: marked, so that `default` is not wrapped.
 * @param {any} namespace */
function asCommonJs(namespace) {
  const names = Object.keys(namespace).map((name) => [name, { enumerable: true, get: () => namespace[name] }])
  return Object.create(null, { ...Object.fromEntries(names), __esModule: { value: true } })
}

/** Exports as `import()` gives them: always with a `default`. @param {any} exports */
function asNamespace(exports) {
  if (exports === null || (typeof exports !== 'object' && typeof exports !== 'function')) return { default: exports }
  if (exports.__esModule || 'default' in exports) return exports
  const names = Object.keys(exports).map((name) => [name, { enumerable: true, get: () => exports[name] }])
  return Object.create(exports, { ...Object.fromEntries(names), default: { enumerable: true, value: exports } })
}

/** A syntax error that V8 found, with its line: only its stack says it. @param {unknown} error @param {string} path */
function withLine(error, path) {
  const { stack = '' } = /** @type {Error} */ (error)
  const line = stack.startsWith(`${path}:`) ? Number(/^:(\d+)/.exec(stack.slice(path.length))?.[1]) : NaN
  return Number.isNaN(line) ? error : Object.assign(/** @type {Error} */ (error), { line })
}
