/** A socket whose other end is the test. What a real server does is tested in tests/e2e/streams. */
import { connect, type Item, type StreamClient, type StreamClientOptions } from "../src/index.js";

type Handler = ((event: never) => void) | null;

export interface Sent {
  readonly type: "join" | "leave" | "ping";
  readonly data: { subscriptionId: string; streamName: string; groupId: string; id?: string; version: number | null };
}

export class FakeSocket {
  readonly url: string;
  readonly protocols: string[];
  readonly sent: Sent[] = [];
  readyState = 0;
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;

  constructor(url: string, protocols: string[] = []) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(): void {
    this.readyState = 3;
  }

  /** What the server does. */
  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  cut(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" } as never);
  }
}

export interface Todo extends Item {
  readonly text: string;
}

/** A client, and every socket that it makes. */
export function fakeApp(options: StreamClientOptions = {}): { client: StreamClient; sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  class Recorded extends FakeSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  return { client: connect("http://app.test", { ...options, webSocket: Recorded }), sockets };
}

export function last<T>(list: readonly T[]): T {
  const found = list.at(-1);
  if (found === undefined) throw new Error("expected at least one");
  return found;
}

/** Let what awaits go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}
