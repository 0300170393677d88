// The steps and streams that a loaded file declares, as data, and the functions that stand in them.
import { Branches, StepDefinition } from '../authoring/steps.js'
import { Stream } from '../authoring/streams.js'
import { kindOf } from '../authoring/triggers.js'
import { isSchemaObject, jsonSchemaOf } from '../schemas/schema.js'

/**
 * @typedef {object} Definition What the protocol calls a definition.
 * @property {'step' | 'stream' | 'stream_auth'} kind
 * @property {number} line
 * @property {string} language
 * @property {Record<string, any>} config
 * @property {string | null} [handler]
 * @property {number | null} [handler_line]
 *
 * @typedef {object} Callable What a handle stands for.
 * @property {((...args: any[]) => any) | Branches} [function]
 * @property {any} [schema]
 * @property {Record<string, any>} [jsonSchema] Of `schema`.
 * @property {string} [file] Where the handler of a step stands, absolute.
 * @property {'http' | 'cron' | null} [only] The one kind of trigger that the step of a handler has, if any.
 *
 * @typedef {{message: string, line: number, code: string, hint?: string}} Problem
 */

const CONFIG = /^motia\.config\.[cm]?[jt]s$/
const MARKED = /[._](step|stream)\.[a-z]+$/
/** Where a schema only documents: nothing is parsed with it. */
const DOCUMENTING = new Set(['responseSchema', 'response_schema', 'response', 'responses'])

/**
 * @param {object} file
 * @param {string} file.path Relative to the project.
 * @param {string} file.absolute
 * @param {string} file.text
 * @param {any} file.exports
 * @param {Map<string, Callable>} callables Where the functions of the file are put, by handle.
 * @returns {{definitions: Definition[], problems: Problem[]}}
 */
export function readDefinitions(file, callables) {
  return new FileReader(file, callables).read()
}

class FileReader {
  #file
  #callables
  #language
  /** @type {Definition[]} */
  #definitions = []
  /** @type {Problem[]} */
  #problems = []
  /** @type {Set<unknown>} Configs that were read: one object under two names is one step. */
  #seen = new Set()

  /** @param {{path: string, absolute: string, text: string, exports: any}} file @param {Map<string, Callable>} callables */
  constructor(file, callables) {
    this.#file = file
    this.#callables = callables
    this.#language = /\.[mc]?tsx?$/.test(file.path) ? 'typescript' : 'javascript'
  }

  read() {
    if (CONFIG.test(this.#file.path)) return this.#streamAuth(exportsOfConfig(this.#file.exports))
    const kind = MARKED.exec(this.#file.path)?.[1]
    const exports = unwrapped(this.#file.exports)
    if (kind === 'stream') this.#stream('config', exports.config)
    else if (exports.config !== undefined) this.#pair(exports, kind === 'step')
    for (const [name, value] of Object.entries(exports)) {
      if (name !== 'config' && name !== 'handler') this.#value(name, value)
    }
    if (kind !== undefined && this.#definitions.length + this.#problems.length === 0) {
      const what = kind === 'step' ? 'a `config` and a `handler`, or a step' : "a `config` with the stream's name"
      this.#problem(`file: expected it to export ${what}, got ${Object.keys(exports).join(', ') || 'nothing'}`, 1, 'step.no_config')
    }
    return { definitions: this.#definitions, problems: this.#problems }
  }

  /** `config` and `handler`; without our suffix only if the config looks like a step's.
   * @param {any} exports @param {boolean} marked */
  #pair({ config, handler }, marked) {
    if (!marked && (typeof config !== 'object' || config === null || !('triggers' in config || 'type' in config))) return
    if (handler instanceof StepDefinition) handler = handler.handler
    const line = lineOf(this.#file.text, 'config')
    if (config === null || typeof config !== 'object') {
      this.#problem(`config: expected an object, got ${JSON.stringify(config)}`, line, 'step.bad_config')
    } else if (handler !== undefined && typeof handler !== 'function' && !(handler instanceof Branches)) {
      const at = lineOf(this.#file.text, 'handler')
      this.#problem(`handler: expected a function, got ${typeof handler}`, at, 'step.bad_handler')
    } else {
      this.#step('handler', config, handler, line, lineOf(this.#file.text, 'handler'))
    }
  }

  /** @param {string} name @param {unknown} value */
  #value(name, value) {
    const line = lineOf(this.#file.text, name)
    if (value instanceof StepDefinition) this.#step(name, value.config, value.handler, line, line)
    else if (value instanceof Stream) this.#stream(name, value.config)
    else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        if (item instanceof StepDefinition) this.#step(`${name}[${index}]`, item.config, item.handler, line, line)
      })
    }
  }

  /** @param {string} name @param {any} config @param {any} handler @param {number} line @param {number} handlerLine */
  #step(name, config, handler, line, handlerLine) {
    if (this.#seen.has(config)) return
    this.#seen.add(config)
    const handle = handler === undefined ? null : `${this.#file.path}#${name}`
    const plain = this.#plain(config, name === 'handler' ? 'config' : `${name}.config`, false)
    if (handle !== null) this.#callables.set(handle, { function: handler, only: onlyKind(config), file: this.#file.absolute })
    this.#definitions.push({
      kind: 'step',
      line,
      language: this.#language,
      config: plain,
      handler: handle,
      handler_line: handle === null ? null : handlerLine,
    })
  }

  /** @param {string} name @param {any} config */
  #stream(name, config) {
    if (config === undefined || config === null || this.#seen.has(config)) return
    this.#seen.add(config)
    const line = lineOf(this.#file.text, name)
    this.#definitions.push({ kind: 'stream', line, language: this.#language, config: this.#plain(config, name, true) })
  }

  /** Who says who follows streams: `streamAuth`, itself or its `authenticate`, or `authenticateStream`.
   * @param {Record<string, any>} config */
  #streamAuth(config) {
    const name = config.authenticateStream === undefined ? 'streamAuth' : 'authenticateStream'
    const found = config[name]?.authenticate ?? config[name]
    if (typeof found === 'function') {
      const handle = `${this.#file.path}#${name}`
      this.#callables.set(handle, { function: found.bind(config[name]) })
      const line = lineOf(this.#file.text, name)
      this.#definitions.push({ kind: 'stream_auth', line, language: this.#language, config: {}, handler: handle })
    }
    return { definitions: this.#definitions, problems: this.#problems }
  }

  /** The config as JSON: functions as handles, schemas as JSON Schema.
   * @param {any} value @param {string} at @param {boolean} documenting @param {number} [depth] @returns {any} */
  #plain(value, at, documenting, depth = 0) {
    const handle = `${this.#file.path}#${at}`
    if (isSchemaObject(value)) return this.#schema(value, handle, documenting)
    if (typeof value === 'function') {
      this.#callables.set(handle, { function: value })
      return { $function: handle }
    }
    if (value instanceof Date) return value.toISOString()
    if (typeof value === 'bigint' || typeof value === 'symbol' || value instanceof RegExp) return String(value)
    if (value === null || typeof value !== 'object') return value
    if (depth > 40) return null
    if (Array.isArray(value)) return value.map((item, index) => this.#plain(item, `${at}[${index}]`, documenting, depth + 1))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, this.#plain(item, `${at}.${key}`, documenting || DOCUMENTING.has(key), depth + 1)]),
    )
  }

  /** @param {any} schema @param {string} handle @param {boolean} documenting */
  #schema(schema, handle, documenting) {
    let jsonSchema
    try {
      jsonSchema = jsonSchemaOf(schema, this.#file.absolute)
    } catch (error) {
      // It is enforced all the same; only its documentation is missing.
      jsonSchema = { description: `no JSON Schema: ${/** @type {Error} */ (error).message}` }
    }
    if (documenting) return jsonSchema
    this.#callables.set(handle, { schema, jsonSchema })
    return { ...jsonSchema, 'x-motia-parse': handle }
  }

  /** @param {string} message @param {number} line @param {string} code */
  #problem(message, line, code) {
    this.#problems.push({ message, line, code })
  }
}

/** Named exports, with those of a default-exported object of CommonJS or of `{ config, handler }` among them.
 * @param {any} exports */
function unwrapped(exports) {
  if (exports instanceof StepDefinition) return { default: exports }
  if (exports === null || typeof exports !== 'object') return {}
  const inner = exports.default
  const isPlain = inner !== null && typeof inner === 'object' && !(inner instanceof StepDefinition) && 'config' in inner
  return isPlain && !('config' in exports) ? { ...exports, ...inner, default: undefined } : exports
}

/**
 * What a `motia.config` file says: its named exports, and over them those of the object it exports by default.
 * @param {any} exports
 * @returns {Record<string, any>}
 */
export function exportsOfConfig(exports) {
  const { default: main, ...named } = exports.__esModule ? exports : { default: exports }
  return { ...named, ...(main !== null && typeof main === 'object' ? main : {}) }
}

/** @param {any} config */
function onlyKind(config) {
  const triggers = Array.isArray(config.triggers) ? config.triggers : [config]
  const kinds = new Set(triggers.map(kindOf))
  const [kind] = kinds
  return kinds.size === 1 && (kind === 'http' || kind === 'cron') ? kind : null
}

/**
 * The line where a name is declared or exported; 1 where the text shows none.
 * @param {string} text
 * @param {string} name
 */
export function lineOf(text, name) {
  const word = name.replace(/\W/g, '\\$&')
  const declared = new RegExp(
    name === 'default'
      ? '^[ \\t]*(?:export[ \\t]+default\\b|(?:module\\.)?exports(?:\\.default)?[ \\t]*=)'
      : `^[ \\t]*(?:export[ \\t]+)?(?:(?:const|let|var|async[ \\t]+function|function|class)[ \\t]*[\\s*]?[ \\t]*(?:\\{[^}=]*\\b${word}\\b[^}=]*\\}|${word}\\b)|(?:module\\.)?exports\\.${word}[ \\t]*=)`,
    'm',
  )
  const found = declared.exec(text)
  return found === null ? 1 : text.slice(0, found.index).split('\n').length
}
