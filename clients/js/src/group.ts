import type { StreamError } from "./errors.js";
import { GrowingItem } from "./growing-item.js";
import type { DataEvent, Item } from "./protocol.js";
import { type Status, Subscription } from "./subscription.js";

export type GroupChange<T extends Item> =
  | { readonly type: "sync"; readonly items: readonly T[] }
  | { readonly type: "create" | "update" | "delete"; readonly item: T };

export interface GroupSnapshot<T extends Item> {
  /** In the order in which they were made. */
  readonly items: readonly T[];
  readonly status: Status;
  readonly error: StreamError | undefined;
}

/** A group of a stream: all of its items. */
export class GroupSubscription<T extends Item> extends Subscription<GroupSnapshot<T>, GroupChange<T>> {
  #items = new Map<string, GrowingItem<T>>();

  get items(): readonly T[] {
    return this.snapshot.items;
  }

  get(id: string): T | undefined {
    return this.#items.get(id)?.shown;
  }

  protected override makeSnapshot(): GroupSnapshot<T> {
    const items = [...this.#items.values()].map(({ shown }) => shown);
    return { items, status: this.status, error: this.error };
  }

  protected override whole(): GroupChange<T> {
    return { type: "sync", items: this.items };
  }

  protected override take(event: DataEvent, id: string | undefined): GroupChange<T> | undefined {
    if (event.type === "sync") {
      const items = event.data as readonly T[];
      this.#items = new Map(items.map((item) => [item.id, new GrowingItem(item)]));
      return { type: "sync", items };
    }
    if (id === undefined) return undefined;
    const known = this.#items.get(id);
    if (event.type === "delta") {
      if (!known) return undefined;
      known.grow(event);
      return { type: "update", item: known.shown };
    }
    const item = event.data as T;
    if (event.type === "delete") this.#items.delete(id);
    else if (known) known.store(item);
    else this.#items.set(id, new GrowingItem(item));
    return { type: event.type, item };
  }
}
