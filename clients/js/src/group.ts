import type { StreamError } from "./errors.js";
import type { Item, StreamEvent } from "./protocol.js";
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
  #items = new Map<string, T>();

  get items(): readonly T[] {
    return this.snapshot.items;
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  protected override makeSnapshot(): GroupSnapshot<T> {
    return { items: [...this.#items.values()], status: this.status, error: this.error };
  }

  protected override whole(): GroupChange<T> {
    return { type: "sync", items: this.items };
  }

  protected override take(event: Exclude<StreamEvent, { type: "event" }>): GroupChange<T> | undefined {
    if (event.type === "sync") {
      const items = (event.data ?? []) as readonly T[];
      this.#items = new Map(items.map((item) => [item.id, item]));
      return { type: "sync", items };
    }
    const item = event.data as T;
    if (event.type === "delete") this.#items.delete(item.id);
    else this.#items.set(item.id, item);
    return { type: event.type, item };
  }
}
