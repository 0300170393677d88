// One realtime stream, as the steps of all languages write it.
import { toWire } from '../protocol/values.js'
import { changes } from './state.js'

export class StreamHandle {
  #invocation
  #name

  /** @param {import('./invocation.js').Invocation} invocation @param {string} name */
  constructor(invocation, name) {
    this.#invocation = invocation
    this.#name = name
  }

  /** The item, or null. @param {string} group @param {string} id @returns {Promise<any>} */
  get(group, id) {
    const read = { op: 'stream.get', ...this.#place(group, id) }
    return this.#invocation.request('context.read', { read }, (result) => result.item)
  }

  /** Create or replace an item; resolves with it. @param {string} group @param {string} id @param {any} data
   * @returns {Promise<any>} */
  set(group, id, data) {
    return this.#invocation.commit({ op: 'stream.set', ...this.#place(group, id), data: toWire(data) }, (item) => item)
  }

  /** Remove an item; resolves with it, or null. @param {string} group @param {string} id @returns {Promise<any>} */
  delete(group, id) {
    return this.#invocation.commit({ op: 'stream.delete', ...this.#place(group, id) }, (result) => result?.old ?? null)
  }

  /** Change an item atomically, as `state.update`. @param {string} group @param {string} id @param {any} operations
   * @returns {Promise<any>} */
  update(group, id, operations) {
    const operation = { op: 'stream.update', ...this.#place(group, id), operations: [toWire(operations)].flat() }
    return this.#invocation.commit(operation, changes)
  }

  /** All items of a group. @param {string} group @returns {Promise<any[]>} */
  list(group) {
    const read = { op: 'stream.group', stream: this.#name, group: String(group) }
    return this.#invocation.request('context.read', { read }, (result) => result.items)
  }

  /** All items of a group. @param {string} group @returns {Promise<any[]>} */
  getGroup(group) {
    return this.list(group)
  }

  /** Names of the groups that hold something. @returns {Promise<string[]>} */
  listGroups() {
    const read = { op: 'stream.groups', stream: this.#name }
    return this.#invocation.request('context.read', { read }, (result) => result.groups)
  }

  /**
   * An event to whoever follows the group or the item; it is kept nowhere.
   * @param {{groupId: string, id?: string}} channel
   * @param {{type: string, data: unknown}} event
   * @returns {Promise<void>}
   */
  send(channel, event) {
    const { groupId, id } = channel
    const operation = {
      op: 'stream.send',
      stream: this.#name,
      group: String(groupId),
      ...(id !== undefined && { id: String(id) }),
      event: toWire(event),
    }
    return this.#invocation.commit(operation, () => undefined)
  }

  /** @param {unknown} group @param {unknown} id */
  #place(group, id) {
    return { stream: this.#name, group: String(group), id: String(id) }
  }
}
