import { Connection, type Token, type WebSocketClass } from "./connection.js";
import { StreamError } from "./errors.js";
import { GroupSubscription } from "./group.js";
import { ItemSubscription } from "./item.js";
import {
  type Frame,
  type Item,
  type Place,
  encodeJoin,
  encodeLeave,
  parseFrame,
  refusalIn,
  roomOf,
} from "./protocol.js";
import type { Link, Subscription } from "./subscription.js";

export interface StreamClientOptions {
  /** Handed to the app's `streamAuth`; a function is asked before each attempt to connect. */
  readonly token?: Token;
  /** Where there is no global one (Node 20): `(await import("ws")).WebSocket`. */
  readonly webSocket?: WebSocketClass;
}

const LONGEST_NAME = 1024;

type AnySubscription = Subscription<unknown, unknown>;

/** The streams of one app over one connection, which is made at the first subscription. */
export class StreamClient {
  readonly #url: string;
  readonly #token: Token | undefined;
  readonly #webSocket: WebSocketClass;
  readonly #rooms = new Map<string, Set<AnySubscription>>();
  readonly #link: Link = {
    join: (subscription) => this.#join(subscription),
    leave: (subscription) => this.#leave(subscription),
  };
  #connection: Connection | undefined;
  #closed = false;

  /** `url` is the app's, as `http://127.0.0.1:3001`; its path and query are kept. */
  constructor(url: string | URL, { token, webSocket }: StreamClientOptions = {}) {
    this.#url = webSocketUrl(url);
    this.#token = token;
    this.#webSocket = webSocket ?? globalWebSocket();
  }

  /** All items of a group, now and as they change, until its `close()`. */
  group<T extends Item>(streamName: string, groupId: string): GroupSubscription<T> {
    return this.#add(new GroupSubscription<T>({ streamName, groupId }, this.#link));
  }

  /** One item, now and as it changes, until its `close()`. */
  item<T extends Item>(streamName: string, groupId: string, id: string): ItemSubscription<T> {
    return this.#add(new ItemSubscription<T>({ streamName, groupId, id }, this.#link));
  }

  /** Close all subscriptions and the connection, for good. */
  close(): void {
    this.#closed = true;
    for (const subscription of this.#all()) subscription.close();
    this.#connection?.close();
  }

  #add<S extends AnySubscription>(subscription: S): S {
    if (this.#closed) throw new StreamError("stream.closed", "subscribe: the client is closed");
    for (const [what, name] of Object.entries(subscription.place)) checkName(what, name);
    const room = roomOf(subscription.place);
    this.#rooms.set(room, (this.#rooms.get(room) ?? new Set<AnySubscription>()).add(subscription));
    if (this.#connection) this.#join(subscription);
    else this.#connection = this.#open();
    return subscription;
  }

  #open(): Connection {
    return new Connection(this.#url, this.#token, this.#webSocket, {
      opened: () => this.#all().forEach((subscription) => this.#join(subscription)),
      received: (text) => this.#receive(text),
      lost: (error) => this.#all().forEach((subscription) => subscription.lost(error)),
    });
  }

  #join(subscription: AnySubscription): void {
    subscription.joining();
    this.#connection?.send(
      encodeJoin(subscription.place, subscription.subscriptionId, subscription.version),
    );
  }

  #leave(subscription: AnySubscription): void {
    const room = roomOf(subscription.place);
    const members = this.#rooms.get(room);
    members?.delete(subscription);
    if (members?.size === 0) this.#rooms.delete(room);
    this.#connection?.send(encodeLeave(subscription.place, subscription.subscriptionId));
  }

  /** What happens to an item reaches its subscriptions and those of its group; an answer, who asked. */
  #receive(text: string): void {
    const frame = parseFrame(text);
    if (!frame) return;
    this.#deliver(frame, frame);
    const { streamName, groupId, id, event } = frame;
    const isAnswer = event.type === "sync" || event.type === "resumed" || refusalIn(event) !== undefined;
    if (id !== undefined && !isAnswer) this.#deliver({ streamName, groupId }, frame);
  }

  #deliver(place: Place, frame: Frame): void {
    for (const subscription of [...(this.#rooms.get(roomOf(place)) ?? [])]) subscription.receive(frame);
  }

  #all(): AnySubscription[] {
    return [...this.#rooms.values()].flatMap((members) => [...members]);
  }
}

/** A client for the streams of the app at `url`; in a browser, by default the app that the page came from. */
export function connect(url: string | URL = globalThis.location?.origin, options?: StreamClientOptions): StreamClient {
  return new StreamClient(url, options);
}

function checkName(what: string, name: unknown): void {
  if (typeof name === "string" && name !== "" && name.length <= LONGEST_NAME) return;
  const got = typeof name === "string" ? `${name.length} characters` : String(name);
  throw new TypeError(`${what}: expected a text of 1 to ${LONGEST_NAME} characters, got ${got}`);
}

function webSocketUrl(url: string | URL): string {
  const parsed = new URL(url);
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  if (parsed.protocol === "https:") parsed.protocol = "wss:";
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") {
    throw new TypeError(`url: expected http, https, ws or wss, got ${parsed.protocol}//`);
  }
  return parsed.href;
}

function globalWebSocket(): WebSocketClass {
  if (typeof WebSocket === "function") return WebSocket as unknown as WebSocketClass;
  throw new StreamError(
    "stream.no_web_socket",
    'connect: this runtime has no WebSocket; on Node 20, npm install ws and pass { webSocket: (await import("ws")).WebSocket }',
  );
}
