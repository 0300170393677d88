// The worker: accepts nodes, loads the project once, and runs what they ask for.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { motia } from './authoring/index.js'
import { running } from './authoring/current.js'
import { takeOverInspector } from './inspecting.js'
import { Invocation, stopError } from './invocation/invocation.js'
import { callFunction, runStep } from './invocation/run.js'
import { Project } from './loading/project.js'
import { Transpiler } from './loading/transpile.js'
import { Connection } from './protocol/connection.js'
import { MotiaError, describeError } from './protocol/errors.js'
import { OutgoingStreams } from './protocol/outgoing_streams.js'
import { toWire } from './protocol/values.js'

const PROTOCOL = 1

/**
 * `kept`: invocations that were answered and can still be asked to undo what they did. `runs`: their functions, by
 * the id of the call.
 * @typedef {object} Node
 * @property {Map<number, Invocation>} running
 * @property {Map<number, Invocation>} kept
 * @property {Map<number, AbortController>} runs
 * @property {OutgoingStreams} streams
 * @property {NodeJS.Timeout | null} heartbeat
 */

export class Worker {
  /** @type {Project | null} */
  #project = null
  /** @type {Map<Connection, Node>} */
  #nodes = new Map()
  #server = createServer((socket) => this.#accept(socket))
  #draining = false
  /** @type {(() => void)[]} Called when nothing runs any more. */
  #idle = []
  #exit

  /** @param {(code: number) => void} exit */
  constructor(exit) {
    this.#exit = exit
    Object.defineProperty(globalThis, 'motia', { value: motia, configurable: true, writable: true })
  }

  /** @param {{fd: number} | {path: string}} where */
  listen(where) {
    this.#server.listen(where)
  }

  /** Whether files of the project run for the first time now. */
  get isLoading() {
    return this.#project?.isLoading ?? false
  }

  /** An error that nothing caught: of the step that it came from, if that can be told.
   * @param {unknown} error */
  uncaught(error) {
    const context = running.getStore()
    const { message, data } = describeError(error, this.#project?.dir ?? process.cwd())
    if (context === undefined) {
      process.stderr.write(`uncaught ${data.stack || message}\n`)
      return
    }
    context.logger.error(`uncaught ${data.type}: ${message}`, { stack: data.stack })
    context.fail(error)
  }

  /** @param {import('node:net').Socket} socket */
  #accept(socket) {
    const connection = new Connection(socket, {
      received: (from, message) => this.#received(from, message),
      closed: (from) => this.#closed(from),
    })
    const dir = () => this.#project?.dir ?? process.cwd()
    const streams = new OutgoingStreams(connection, dir)
    this.#nodes.set(connection, { running: new Map(), kept: new Map(), runs: new Map(), streams, heartbeat: null })
  }

  /** @param {Connection} connection */
  #closed(connection) {
    const node = this.#nodes.get(connection)
    if (node === undefined) return
    this.#nodes.delete(connection)
    if (node.heartbeat !== null) clearInterval(node.heartbeat)
    node.streams.closeAll()
    for (const invocation of node.running.values()) invocation.stop('cancelled')
    for (const stopping of node.runs.values()) stopping.abort(stopError('cancelled'))
    this.#checkIdle()
  }

  /** @param {Connection} connection @param {any} message */
  #received(connection, { id, method, params = {} }) {
    const node = /** @type {Node} */ (this.#nodes.get(connection))
    if (id === undefined) {
      this.#noted(node, method, params)
    } else if (method === 'invoke') {
      this.#run(connection, node, id, (invocation) => runStep(invocation, params, this.#find, (items) => node.streams.start(items)))
    } else if (method === 'call') {
      this.#run(connection, node, id, async (invocation) => {
        const value = await callFunction(invocation, params, this.#find)
        return value === undefined ? {} : { value: toWire(value) }
      })
    } else if (method === 'run') {
      this.#runFunction(connection, node, id, params)
    } else {
      this.#answerRare(connection, node, id, method, params)
    }
  }

  /** @param {Node} node @param {string} method @param {any} params */
  #noted(node, method, params) {
    if (method === 'cancel') {
      node.running.get(params.id)?.stop(String(params.reason))
      node.runs.get(params.id)?.abort(stopError(String(params.reason)))
    } else if (method === 'release') {
      node.kept.delete(params.invocation)
      this.#checkIdle()
    } else if (method === 'credit') node.streams.addCredit(params.stream, params.items)
    else if (method === 'close') node.streams.close(params.stream)
    else if (method === 'prepare') void Transpiler.prepare()
  }

  /**
   * @param {Connection} connection
   * @param {Node} node
   * @param {number} id
   * @param {(invocation: Invocation) => Promise<object>} work
   */
  async #run(connection, node, id, work) {
    if (this.#draining) {
      connection.refuse(id, describeError(new MotiaError('worker.draining', 'the worker is shutting down'), ''))
      return
    }
    const over = () => {
      if (!node.running.delete(id)) return
      if (invocation.canUndo) node.kept.set(id, invocation)
      this.#checkIdle()
    }
    const refuse = (/** @type {unknown} */ error) => {
      invocation.refuse(describeError(error, this.#project?.dir ?? process.cwd()))
      over()
    }
    const invocation = new Invocation(connection, id, { failed: refuse, suspended: over })
    node.running.set(id, invocation)
    try {
      invocation.answer(await work(invocation))
      over()
    } catch (error) {
      refuse(error)
    }
  }

  /** A function of an invocation: of a step, or how it is undone.
   * @param {Connection} connection @param {Node} node @param {number} id @param {any} params */
  async #runFunction(connection, node, id, { invocation: of, function: number, arguments: args }) {
    const stopping = new AbortController()
    node.runs.set(id, stopping)
    try {
      const invocation = node.running.get(of) ?? node.kept.get(of)
      if (invocation === undefined) throw new MotiaError('worker.unknown_function', `run: expected an invocation, got ${of}`)
      connection.answer(id, await invocation.runFunction(number, args, stopping.signal))
    } catch (error) {
      connection.refuse(id, describeError(error, this.#project?.dir ?? process.cwd()))
    } finally {
      node.runs.delete(id)
    }
  }

  /** @param {Connection} connection @param {Node} node @param {number} id @param {string} method @param {any} params */
  async #answerRare(connection, node, id, method, params) {
    try {
      if (method === 'initialize') connection.answer(id, this.#initialize(connection, node, params))
      else if (method === 'load') connection.answer(id, { files: await this.#load(params) })
      else if (method === 'shutdown') await this.#shutDown(connection, id, Number(params.grace_s) || 0)
      else connection.refuse(id, { code: -32601, message: `${method}: expected a method of the protocol` })
    } catch (error) {
      connection.refuse(id, describeError(error, this.#project?.dir ?? process.cwd()))
    }
  }

  /** @param {Connection} connection @param {Node} node @param {any} params */
  #initialize(connection, node, { protocol, limits }) {
    if (protocol !== PROTOCOL) {
      throw new MotiaError('worker.protocol', `protocol: expected ${PROTOCOL}, got ${protocol}`)
    }
    connection.useLimits(limits)
    node.heartbeat ??= setInterval(() => connection.notify('heartbeat', {}), connection.limits.heartbeat_s * 1000)
    return {
      protocol: PROTOCOL,
      language: 'node',
      runtime: { name: 'node', version: process.versions.node },
      pid: process.pid,
      capabilities: { integers: 'double', concurrency: null, workflow: true, approvals: true },
    }
  }

  /** @param {{project_dir: string, files: string[], within_s?: number}} params */
  #load({ project_dir: dir, files, within_s: withinS }) {
    if (this.#project === null) {
      process.chdir(dir)
      takeOverInspector()
      const cache = join(dir, '.motia', 'cache', 'node')
      this.#project = new Project(dir, cache)
    }
    return this.#project.load(files, withinS)
  }

  /** @param {string} handle */
  #find = (handle) => {
    const found = this.#project?.callables.get(handle)
    if (found === undefined) {
      throw new MotiaError('worker.unknown_function', `${handle}: expected the handle of a loaded function`, { retryable: true })
    }
    return found
  }

  /** @param {Connection} connection @param {number} id @param {number} graceS */
  async #shutDown(connection, id, graceS) {
    this.#draining = true
    this.#server.close()
    const idle = new Promise((/** @type {(value?: any) => void} */ resolve) => this.#idle.push(resolve))
    this.#checkIdle()
    await Promise.race([idle, new Promise((resolve) => setTimeout(resolve, graceS * 1000))])
    connection.answer(id, {})
    for (const other of this.#nodes.keys()) other.end()
    setImmediate(() => this.#exit(0))
  }

  #checkIdle() {
    if (this.#idle.length === 0) return
    if ([...this.#nodes.values()].every((node) => node.running.size + node.kept.size === 0)) this.#idle.forEach((resolve) => resolve())
  }
}
