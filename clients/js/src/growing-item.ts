import type { Delta, Item } from "./protocol.js";

const MOST_AHEAD = 1000;

/**
 * An item, one text of which may be ahead of what is stored: deltas come at once, the stored text now and
 * then. A stored text that is shorter than the shown one does not take back what was shown, unless it says
 * something else: then the text was begun anew.
 */
export class GrowingItem<T extends Item> {
  #stored: T;
  #shown: T;
  #ahead: Delta[] = [];

  constructor(stored: T) {
    this.#stored = this.#shown = stored;
  }

  get shown(): T {
    return this.#shown;
  }

  /** The item as it is stored now. */
  store(item: T): void {
    const path = this.#ahead[0]?.path;
    if (path !== undefined) {
      const text = textAt(item, path);
      const shown = textAt(this.#shown, path);
      const goesOn = text.startsWith(shown) || shown.startsWith(text);
      const begunAnew = !goesOn || text.length < textAt(this.#stored, path).length;
      this.#ahead = begunAnew ? [] : this.#ahead.filter((delta) => end(delta) > text.length);
    }
    this.#stored = item;
    this.#show();
  }

  grow(delta: Delta): void {
    if (this.#ahead[0]?.path !== delta.path || this.#ahead.length >= MOST_AHEAD) this.#ahead = [];
    this.#ahead.push(delta);
    this.#show();
  }

  #show(): void {
    const path = this.#ahead[0]?.path;
    if (path === undefined) {
      this.#shown = this.#stored;
      return;
    }
    let text = textAt(this.#stored, path);
    for (const { offset, data } of this.#ahead) {
      if (offset > text.length) break; // what lies between comes with the next stored text
      text = text.slice(0, offset) + data;
    }
    this.#shown = { ...this.#stored, [path]: text };
  }
}

function textAt(item: Item, path: string): string {
  const value = (item as unknown as Record<string, unknown>)[path];
  return typeof value === "string" ? value : "";
}

function end({ offset, data }: Delta): number {
  return offset + data.length;
}
