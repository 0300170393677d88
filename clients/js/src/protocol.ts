/** What goes over the socket: the frames, and where each of them belongs. */

/** A value of a stream. */
export interface Item {
  readonly id: string;
}

/** A group of a stream, or with `id` one item of it. */
export interface Place {
  readonly streamName: string;
  readonly groupId: string;
  readonly id?: string;
}

/** What `ctx.streams.<name>.send` sent: told once to who listens, never stored. */
export interface Signal {
  readonly type: string;
  readonly data: unknown;
}

export type StreamEvent =
  | { readonly type: "sync"; readonly data: Item | readonly Item[] | null }
  | { readonly type: "create" | "update" | "delete"; readonly data: Item }
  | { readonly type: "event"; readonly event: Signal };

export interface Frame extends Place {
  readonly event: StreamEvent;
  /** Of the group, counted by one a change. */
  readonly version?: number;
}

/** Names a place unmistakably, whatever characters its ids have. */
export function roomOf({ streamName, groupId, id }: Place): string {
  return JSON.stringify(id === undefined || id === null ? [streamName, groupId] : [streamName, groupId, id]);
}

export function encodeJoin(place: Place, subscriptionId: string, version: number | undefined): string {
  return JSON.stringify({ type: "join", data: { ...place, subscriptionId, version: version ?? null } });
}

export function encodeLeave(place: Place, subscriptionId: string): string {
  return JSON.stringify({ type: "leave", data: { ...place, subscriptionId } });
}
