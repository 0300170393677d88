import { backoffMs } from "./backoff.js";
import { ChangeQueue } from "./change-queue.js";
import { StreamError } from "./errors.js";
import { type DataEvent, type Frame, type Place, type Signal, refusalIn } from "./protocol.js";

/** The server could not look now; it is asked again after a while. */
const UNAVAILABLE = "stream.unavailable";
const RETRY_ATTEMPT = 3;

/**
 * - `connecting`: nothing received yet.
 * - `live`: the data is what the server has.
 * - `stale`: the connection is lost and being made again; the data is what it was.
 * - `denied`: the server refused it, or withdrew the right; asked again with the next connection.
 * - `closed`: by `close()`.
 */
export type Status = "connecting" | "live" | "stale" | "denied" | "closed";

/** What a subscription needs of its client. */
export interface Link {
  join(subscription: Subscription<unknown, unknown>): void;
  leave(subscription: Subscription<unknown, unknown>): void;
}

export interface SignalChange {
  readonly type: "signal";
  readonly signal: Signal;
}

/** One place of a stream, kept equal to the server's. `S` is its snapshot, `C` a change of it. */
export abstract class Subscription<S, C> {
  readonly place: Place;
  readonly subscriptionId = uniqueId();
  #version: number | undefined;
  readonly #link: Link;
  readonly #listeners = new Set<() => void>();
  readonly #signals = new Map<string, Set<(data: never) => void>>();
  readonly #queues = new Set<ChangeQueue<C | SignalChange>>();
  /** The server answered the join of this connection. What comes before is meant for others on it. */
  #answered = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #status: Status = "connecting";
  #error: StreamError | undefined;
  #snapshot: S | undefined;

  constructor(place: Place, link: Link) {
    this.place = place;
    this.#link = link;
  }

  get status(): Status {
    return this.#status;
  }

  /** Why it is `denied` or `stale`. */
  get error(): StreamError | undefined {
    return this.#error;
  }

  /** Data, status and error at this moment; the same object until one of them changes. */
  get snapshot(): S {
    return (this.#snapshot ??= this.makeSnapshot());
  }

  /** Call `listener` after every change of the snapshot; what is returned ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Call `listener` with the data of every signal of a type; what is returned ends that. */
  on<T = unknown>(type: string, listener: (data: T) => void): () => void {
    const listeners = this.#signals.get(type) ?? new Set();
    this.#signals.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /**
   * Every change from now on, for `for await`. At most `limit` wait for a slow reader, then they collapse into
   * one `sync`. Ends with `close()`; throws when the server denies the subscription.
   */
  changes({ limit = 256 }: { limit?: number } = {}): AsyncIterableIterator<C | SignalChange> {
    const queue: ChangeQueue<C | SignalChange> = new ChangeQueue(
      limit,
      () => this.whole(),
      () => this.#queues.delete(queue),
    );
    if (this.#status === "closed") queue.end();
    else this.#queues.add(queue);
    if (this.#status === "live") queue.push(this.whole());
    return queue;
  }

  /** Resolves when the data is what the server has; rejects when it is denied or closed before. */
  ready(): Promise<this> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        if (this.#status === "live") resolve(this);
        else if (this.#status === "denied") reject(this.#error);
        else if (this.#status === "closed") reject(new StreamError("stream.closed", "ready: closed before"));
        else return;
        stop();
      };
      const stop = this.subscribe(settle);
      settle();
    });
  }

  /** Leave. The data stays as it is; nothing changes it any more. */
  close(): void {
    if (this.#status === "closed") return;
    clearTimeout(this.#retry);
    this.#link.leave(this);
    this.#enter("closed");
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
    this.#listeners.clear();
    this.#signals.clear();
  }

  /** @internal The version of the newest change that is in the data; a join asks for what came after it. */
  get version(): number | undefined {
    return this.#version;
  }

  /** @internal The server is being asked. */
  joining(): void {
    this.#answered = false;
    if (this.#status === "denied") this.#enter(this.#version === undefined ? "connecting" : "stale");
  }

  /** @internal */
  lost(error: StreamError): void {
    if (this.#status === "live" || this.#status === "stale") this.#enter("stale", error);
    else if (this.#status === "connecting") this.#enter("connecting", error);
  }

  /** @internal */
  receive(frame: Frame): void {
    const { event } = frame;
    const refusal = refusalIn(event);
    if (refusal) this.#refuse(new StreamError(codeOf(refusal.code), refusal.message));
    else if (event.type === "event") this.#signal(event.event);
    else if (event.type === "resumed") this.#live();
    else this.#apply(event, frame);
  }

  protected abstract makeSnapshot(): S;
  /** All of the data as one change. */
  protected abstract whole(): C;
  /** Take an event of the server in; the change that it made, if any. */
  protected abstract take(event: DataEvent, id: string | undefined): C | undefined;

  #apply(event: DataEvent, { id, version }: Frame): void {
    if (event.type !== "sync") {
      if (!this.#answered || (version !== undefined && version <= (this.#version ?? -1))) return;
      if (version !== undefined && this.#hasGapBefore(version)) {
        this.#link.join(this);
        return;
      }
    }
    const change = this.take(event, id);
    this.#version = version ?? this.#version;
    this.#live();
    if (change !== undefined) for (const queue of this.#queues) queue.push(change);
  }

  /** A group's versions have no gaps, but that the first one of a group that never was may be any. */
  #hasGapBefore(version: number): boolean {
    return this.place.id === undefined && !!this.#version && version !== this.#version + 1;
  }

  #live(): void {
    this.#answered = true;
    this.#enter("live");
  }

  #signal(signal: Signal): void {
    for (const listener of [...(this.#signals.get(signal.type) ?? [])]) call(() => listener(signal.data as never));
    for (const queue of this.#queues) queue.push({ type: "signal", signal });
  }

  #refuse(error: StreamError): void {
    if (error.code === UNAVAILABLE) {
      this.lost(error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#link.join(this), backoffMs(RETRY_ATTEMPT, Math.random()));
      return;
    }
    this.#answered = false;
    this.#enter("denied", error);
    for (const queue of this.#queues) queue.end(error);
    this.#queues.clear();
  }

  #enter(status: Status, error?: StreamError): void {
    this.#status = status;
    this.#error = error;
    this.#snapshot = undefined;
    for (const listener of [...this.#listeners]) call(listener);
  }
}

/** `STREAM_ACCESS_DENIED` on the wire is `stream.access_denied` here. */
function codeOf(code: string): string {
  return code.toLowerCase().replace("_", ".");
}

/** A listener that throws is the application's error, and must not keep the others from hearing. */
function call(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Unlike `crypto.randomUUID`, also on pages that were not served over https. */
function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
