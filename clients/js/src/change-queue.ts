interface Reader<C> {
  resolve(result: IteratorResult<C>): void;
  reject(reason: Error): void;
}

/**
 * Changes for a reader that may be slower than they come. When more than `limit` wait, all that wait are
 * replaced by one that says it all (`collapse`): a slow reader misses steps on the way, never where it leads.
 */
export class ChangeQueue<C> implements AsyncIterableIterator<C> {
  readonly #limit: number;
  readonly #collapse: () => C;
  readonly #onReturn: () => void;
  #waiting: C[] = [];
  #readers: Reader<C>[] = [];
  #ended = false;
  #reason: Error | undefined;

  constructor(limit: number, collapse: () => C, onReturn: () => void) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`changes: expected a limit of at least 1, got ${limit}`);
    }
    this.#limit = limit;
    this.#collapse = collapse;
    this.#onReturn = onReturn;
  }

  push(change: C): void {
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ done: false, value: change });
    } else if (this.#waiting.length < this.#limit) {
      this.#waiting.push(change);
    } else {
      this.#waiting = [this.#collapse()];
    }
  }

  /** No more changes come; with a reason, the reader is told so once it has read what waits. */
  end(reason?: Error): void {
    this.#ended = true;
    this.#reason = reason;
    for (const reader of this.#readers.splice(0)) {
      if (reason) reader.reject(reason);
      else reader.resolve({ done: true, value: undefined });
    }
  }

  next(): Promise<IteratorResult<C>> {
    const change = this.#waiting.shift();
    if (change !== undefined) return Promise.resolve({ done: false, value: change });
    if (this.#reason) return Promise.reject(this.#reason);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<C>> {
    this.#waiting = [];
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
