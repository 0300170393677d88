// `new Stream(config)` at the top of a file: its calls belong to whichever step is running.
import { currentContext } from './current.js'

export class Stream {
  /** @param {string | Record<string, any>} config The stream's name, or its config. */
  constructor(config) {
    this.config = typeof config === 'string' ? { name: config } : config
  }

  get name() {
    return this.config.name ?? this.config.id
  }

  get #handle() {
    return currentContext().stream(this.name)
  }

  /** @param {string} group @param {string} id */
  get(group, id) {
    return this.#handle.get(group, id)
  }

  /** The stored item; as in Motia 1.x also its `new_value`.
   * @param {string} group @param {string} id @param {unknown} data */
  async set(group, id, data) {
    const item = await this.#handle.set(group, id, data)
    return Object.defineProperty({ ...item }, 'new_value', { value: item })
  }

  /** @param {string} group @param {string} id */
  delete(group, id) {
    return this.#handle.delete(group, id)
  }

  /**
   * What the item was and is. Of an item that is not there and that the operations alone do not make whole,
   * nothing is stored, and both are null: handlers of Motia 1.x tell by that that it is missing.
   * @param {string} group @param {string} id @param {unknown} operations
   */
  async update(group, id, operations) {
    const handle = this.#handle
    try {
      return await handle.update(group, id, operations)
    } catch (error) {
      const isInvalid = /** @type {{code?: string}} */ (error).code === 'streams.invalid_item'
      if (!isInvalid || (await handle.get(group, id)) !== null) throw error
      return { old_value: null, new_value: null, version: 0 }
    }
  }

  /** @param {string} group */
  list(group) {
    return this.#handle.list(group)
  }

  /** @param {string} group */
  getGroup(group) {
    return this.#handle.list(group)
  }

  listGroups() {
    return this.#handle.listGroups()
  }

  /** @param {{groupId: string, id?: string}} channel @param {{type: string, data: unknown}} event */
  send(channel, event) {
    return this.#handle.send(channel, event)
  }
}
