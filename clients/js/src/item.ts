import type { StreamError } from "./errors.js";
import { GrowingItem } from "./growing-item.js";
import type { DataEvent, Item } from "./protocol.js";
import { type Status, Subscription } from "./subscription.js";

export type ItemChange<T extends Item> =
  | { readonly type: "sync"; readonly item: T | null }
  | { readonly type: "create" | "update" | "delete"; readonly item: T };

export interface ItemSnapshot<T extends Item> {
  /** `undefined` until something is known, `null` when there is no such item. */
  readonly item: T | null | undefined;
  readonly status: Status;
  readonly error: StreamError | undefined;
}

/** One item of a stream. */
export class ItemSubscription<T extends Item> extends Subscription<ItemSnapshot<T>, ItemChange<T>> {
  #item: GrowingItem<T> | null | undefined;

  get item(): T | null | undefined {
    return this.#item && this.#item.shown;
  }

  protected override makeSnapshot(): ItemSnapshot<T> {
    return { item: this.item, status: this.status, error: this.error };
  }

  protected override whole(): ItemChange<T> {
    return { type: "sync", item: this.item ?? null };
  }

  protected override take(event: DataEvent): ItemChange<T> | undefined {
    if (event.type === "delta") {
      if (!this.#item) return undefined;
      this.#item.grow(event);
      return { type: "update", item: this.#item.shown };
    }
    const item = event.data as T | null;
    if (event.type === "delete" || item === null) this.#item = null;
    else if (event.type !== "sync" && this.#item) this.#item.store(item);
    else this.#item = new GrowingItem(item);
    return { type: event.type, item } as ItemChange<T>;
  }
}
