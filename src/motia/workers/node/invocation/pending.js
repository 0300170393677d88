// What a handler began and may not have awaited: its answer waits for all of it, and no failure is lost.

/** Why a call never ends: in this life of the handler there is nothing to do but wait for it. */
export class Suspension extends Error {}

/** The promise of a call. It knows whether anybody looked at how it ended.
 * @template T @extends {Promise<T>} */
export class Watched extends Promise {
  lookedAt = false
  /** @type {(() => void) | undefined} */
  onLook

  static get [Symbol.species]() {
    return Promise
  }

  /** @type {Promise<T>['then']} */
  then(fulfilled, rejected) {
    this.lookedAt = true
    this.onLook?.()
    return super.then(fulfilled, rejected)
  }
}

/** @typedef {{value: unknown} | {error: unknown}} End */

export class Pending {
  /** @type {Map<Promise<unknown>, Watched<any>>} */
  #begun = new Map()
  /** @type {{watched: Watched<any>, error: unknown}[]} */
  #failed = []
  /** @type {Watched<any>[]} */
  #suspended = []
  /** @type {WeakMap<object, Promise<End>>} */
  #ends = new WeakMap()
  #checking = false
  /** Called when the handler does nothing any more but wait for what is suspended. */
  onStill = () => {}

  get isEmpty() {
    return this.#begun.size === 0 && this.#failed.length === 0 && this.#suspended.length === 0
  }

  /**
   * The same promise, remembered until it is settled. Rejected with a `Suspension` it is one that never ends.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  watch(promise) {
    const watched = new Watched((/** @type {any} */ resolve, /** @type {any} */ reject) => {
      promise.then(resolve, (error) => {
        if (!(error instanceof Suspension)) reject(error)
      })
    })
    this.#begun.set(promise, watched)
    const done = promise.then(
      (value) => {
        this.#begun.delete(promise)
        this.#look()
        return { value }
      },
      (error) => {
        this.#begun.delete(promise)
        if (error instanceof Suspension) this.#suspend(watched)
        else this.#failed.push({ watched, error })
        this.#look()
        return { error }
      },
    )
    this.#ends.set(watched, done)
    // One that nobody looks at is ours to report, not the process's.
    Promise.prototype.then.call(watched, undefined, () => done)
    return watched
  }

  /** How something a handler waits for ends; a suspended call ends with its `Suspension`.
   * @param {unknown} awaitable @returns {Promise<End>} */
  endOf(awaitable) {
    const end = awaitable instanceof Watched ? this.#ends.get(awaitable) : undefined
    if (end === undefined) return Promise.resolve(awaitable).then((value) => ({ value }), (error) => ({ error }))
    const watched = /** @type {Watched<any>} */ (awaitable)
    watched.lookedAt = true
    watched.onLook?.()
    return end
  }

  /** Wait for everything that was begun. Never ends where a suspended call was not even looked at: the handler
   * forgot to await it. Failure: the first error that nobody looked at. */
  async settled() {
    while (this.#begun.size > 0) await Promise.allSettled(this.#begun.keys())
    const overlooked = this.#failed.find(({ watched }) => !watched.lookedAt)
    if (overlooked !== undefined) throw overlooked.error
    const forgotten = this.#suspended.filter(({ lookedAt }) => !lookedAt)
    if (forgotten.length > 0) await Promise.all(forgotten)
  }

  /** @param {Watched<any>} watched */
  #suspend(watched) {
    this.#suspended.push(watched)
    watched.onLook = () => this.#look()
  }

  /** See, once all that was answered has had its effect, whether anything goes on. */
  #look() {
    if (this.#checking || this.#suspended.length === 0) return
    this.#checking = true
    setImmediate(() => {
      this.#checking = false
      if (this.#begun.size === 0 && this.#suspended.some(({ lookedAt }) => lookedAt)) this.onStill()
    })
  }
}
