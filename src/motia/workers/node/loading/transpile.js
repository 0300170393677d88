// TypeScript, ES modules and CommonJS in, the body of one kind of function out; kept by content on disk.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pid } from 'node:process'

/**
 * `imports`: static ones that are left, in order. `exports`: their names, but for the default and those passed
 * on; null for what is no ES module.
 * @typedef {{code: string, imports: string[], exports: string[] | null}} Transpiled
 */

const VERSION = '2'
const TYPESCRIPT = /\.[mc]?tsx?$/
const SAMPLE = new URL('../npm/index.d.ts', import.meta.url)
const JSX = /\.[jt]sx$/

/** @type {typeof import('../vendor/sucrase.js').toFunctionBody | undefined} */
let toFunctionBody

/** Entries that stay although the project as it is now needs none of them: it may go back to them. */
const KEPT_UNUSED = 500

export class Transpiler {
  #folder
  /** @type {Set<string>} */
  #used = new Set()
  #wrote = false

  /** @param {string} cacheFolder Made when it is first needed; may be shared by several processes. */
  constructor(cacheFolder) {
    this.#folder = join(cacheFolder, `v${VERSION}`)
  }

  /** Load what turns text that is in no cache into code; a project whose files all are needs it never. */
  static async load() {
    toFunctionBody ??= (await import('../vendor/sucrase.js')).toFunctionBody
  }

  /** Spend ahead of time what the first file of a process costs beyond the others. */
  static async prepare() {
    await Transpiler.load()
    make(readFileSync(SAMPLE, 'utf8'), 't')
  }

  /**
   * The text of a file as code, from the cache where it is there; null where it must be made and `load`
   * was not called. Failure: `SyntaxError`.
   * @param {string} path
   * @param {string} text
   * @returns {Transpiled | null}
   */
  transpile(path, text) {
    const kind = `${TYPESCRIPT.test(path) ? 't' : 'j'}${JSX.test(path) ? 'x' : ''}`
    const name = createHash('sha256').update(kind).update('\0').update(text).digest('base64url')
    const file = join(this.#folder, name)
    this.#used.add(name)
    const cached = readEntry(file)
    if (cached !== null) return cached
    if (toFunctionBody === undefined) return null
    const made = make(text, kind)
    this.#write(file, made)
    return made
  }

  /** Remove what was made longest ago of what this process did not use; called when the project is loaded. */
  prune() {
    if (!this.#wrote) return
    this.#wrote = false
    const unused = entriesOf(this.#folder).filter((name) => !this.#used.has(name))
    if (unused.length <= KEPT_UNUSED) return
    const madeAt = (/** @type {string} */ name) => statSync(join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
    const byAge = unused.map((name) => ({ name, at: madeAt(name) })).sort((a, b) => b.at - a.at)
    for (const { name } of byAge.slice(KEPT_UNUSED)) rmSync(join(this.#folder, name), { force: true })
  }

  /** @param {string} file @param {Transpiled} made */
  #write(file, { code, ...head }) {
    const temporary = `${file}.${pid}`
    try {
      // It may be the first to make the folder of the project's data, which is for its owner alone.
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      // Renamed when it is whole: other workers read the same folder.
      writeFileSync(temporary, `${JSON.stringify(head)}\n${code}`)
      renameSync(temporary, file)
      this.#wrote = true
    } catch {
      // A read-only or full disk makes every start as slow as the first, and nothing else.
      rmSync(temporary, { force: true })
    }
  }
}

/** @param {string} folder */
function entriesOf(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return [] // somebody has removed the cache meanwhile
  }
}

/** @param {string} file @returns {Transpiled | null} */
function readEntry(file) {
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return null
  }
  const end = text.indexOf('\n')
  return { ...JSON.parse(text.slice(0, end)), code: text.slice(end + 1) }
}

/** @param {string} text @param {string} kind @returns {Transpiled} */
function make(text, kind) {
  try {
    const typescript = kind[0] === 't'
    return /** @type {NonNullable<typeof toFunctionBody>} */ (toFunctionBody)(text.replace(/^#!.*/, ''), {
      typescript,
      jsx: kind.endsWith('x'),
    })
  } catch (error) {
    const { message, loc } = /** @type {Error & {loc?: {line: number, column: number}}} */ (error)
    const failure = new SyntaxError(message.replace(/ \(\d+:\d+\)$/, ''))
    throw Object.assign(failure, { line: loc?.line ?? Number(/\((\d+):\d+\)$/.exec(message)?.[1] ?? 1) })
  }
}
