// Bulks: messages that were stored by one `enqueueMany`, followed and cancelled as one.

export class Bulks {
  #invocation

  /** @param {import('./invocation.js').Invocation} invocation */
  constructor(invocation) {
    this.#invocation = invocation
  }

  /** Where a bulk stands; null for one that is not known. @param {string} id @returns {Promise<any>} */
  bulk(id) {
    const read = { op: 'bulk', id: String(id) }
    return this.#invocation.request('context.read', { read }, ({ bulk }) => {
      if (bulk === null) return null
      const { started_at_ms: startedAt, ...counts } = bulk
      return { ...counts, startedAt: new Date(startedAt) }
    })
  }

  /** End what is left of a bulk: resolves with how many messages that were. @param {string} id
   * @returns {Promise<number>} */
  cancelBulk(id) {
    return this.#invocation.commit({ op: 'bulk.cancel', id: String(id) }, ({ cancelled }) => cancelled)
  }
}
