// What a handler began and may not have awaited: its answer waits for all of it, and no failure is lost.

/** The promise of a call. It knows whether anybody looked at how it ended.
 * @template T @extends {Promise<T>} */
export class Watched extends Promise {
  lookedAt = false

  static get [Symbol.species]() {
    return Promise
  }

  /** @type {Promise<T>['then']} */
  then(fulfilled, rejected) {
    this.lookedAt = true
    return super.then(fulfilled, rejected)
  }
}

export class Pending {
  /** @type {Map<Promise<unknown>, Watched<any>>} */
  #begun = new Map()
  /** @type {{watched: Watched<any>, error: unknown}[]} */
  #failed = []

  get isEmpty() {
    return this.#begun.size === 0 && this.#failed.length === 0
  }

  /**
   * The same promise, remembered until it is settled.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  watch(promise) {
    const watched = new Watched((/** @type {any} */ resolve, /** @type {any} */ reject) => {
      promise.then(resolve, reject)
    })
    this.#begun.set(promise, watched)
    const done = promise.then(
      () => this.#begun.delete(promise),
      (error) => {
        this.#begun.delete(promise)
        this.#failed.push({ watched, error })
      },
    )
    // One that nobody looks at is ours to report, not the process's.
    Promise.prototype.then.call(watched, undefined, () => done)
    return watched
  }

  /** Wait for everything that was begun. Failure: the first error that nobody looked at. */
  async settled() {
    while (this.#begun.size > 0) await Promise.allSettled(this.#begun.keys())
    const overlooked = this.#failed.find(({ watched }) => !watched.lookedAt)
    if (overlooked !== undefined) throw overlooked.error
  }
}
