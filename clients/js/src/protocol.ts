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

/** A piece of a text that is being written: from `offset` (in UTF-16 units) on, the field at `path` is `data`. */
export interface Delta {
  readonly type: "delta";
  readonly path: string;
  readonly offset: number;
  readonly data: string;
}

/** What changes the data of a subscription. */
export type DataEvent =
  | { readonly type: "sync"; readonly data: Item | readonly Item[] | null }
  | { readonly type: "create" | "update" | "delete"; readonly data: Item }
  | Delta;

export type StreamEvent =
  | DataEvent
  /** What was missed follows, and not a `sync`. */
  | { readonly type: "resumed" }
  | { readonly type: "event"; readonly event: Signal };

export interface Frame extends Place {
  readonly event: StreamEvent;
  /** Of the group, counted by one a change. */
  readonly version?: number;
}

/** An error of the server about a subscription. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export const PING = JSON.stringify({ type: "ping" });

/** Names a place unmistakably, whatever characters its ids have. */
export function roomOf({ streamName, groupId, id }: Place): string {
  return JSON.stringify(id === undefined ? [streamName, groupId] : [streamName, groupId, id]);
}

/** The frame in a message, or undefined where it is about no place, as the answer to a ping. */
export function parseFrame(text: string): Frame | undefined {
  const message = JSON.parse(text) as Partial<Frame>;
  return message.event === undefined || message.streamName === undefined ? undefined : (message as Frame);
}

/** `version`: the one that the client has, to get what came after it; null asks for everything. */
export function encodeJoin(place: Place, subscriptionId: string, version: number | undefined): string {
  return JSON.stringify({ type: "join", data: { ...place, subscriptionId, version: version ?? null } });
}

export function encodeLeave(place: Place, subscriptionId: string): string {
  return JSON.stringify({ type: "leave", data: { ...place, subscriptionId } });
}

/** Why the server refuses a subscription, if the event says that; steps may send events named error too. */
export function refusalIn(event: StreamEvent): Refusal | undefined {
  if (event.type !== "event" || event.event.type !== "error") return undefined;
  const data = event.event.data as Partial<Refusal> | null;
  const isRefusal = typeof data === "object" && data?.code?.startsWith?.("STREAM_");
  return isRefusal ? { code: String(data?.code), message: String(data?.message) } : undefined;
}
