import { backoffMs } from "./backoff.js";
import { StreamError } from "./errors.js";
import { PING } from "./protocol.js";

/** The part of the standard `WebSocket` that is used; that of the `ws` package fits too. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketClass = new (url: string, protocols?: string[]) => WebSocketLike;

/** Who the client is: asked again before each attempt to connect. */
export type Token = string | (() => string | undefined | Promise<string | undefined>);

export interface ConnectionEvents {
  opened(): void;
  received(text: string): void;
  /** The socket is gone, or could not be made; another attempt follows. */
  lost(error: StreamError): void;
}

const LOOK_MS = 20_000;
const OPEN = 1;
const NORMAL_CLOSURE = 1000;
const PROTOCOL_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** One socket that comes back: after each loss another is made, later and later, until `close()`. */
export class Connection {
  readonly #url: string;
  readonly #token: Token | undefined;
  readonly #webSocket: WebSocketClass;
  readonly #events: ConnectionEvents;
  #socket: WebSocketLike | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;
  #silentLooks = 0;
  #closed = false;

  constructor(url: string, token: Token | undefined, webSocket: WebSocketClass, events: ConnectionEvents) {
    this.#url = url;
    this.#token = token;
    this.#webSocket = webSocket;
    this.#events = events;
    globalThis.addEventListener?.("online", this.#retryNow);
    void this.#connect();
  }

  /** Send now, or not at all: who joins again when a connection opens need not send before. */
  send(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("online", this.#retryNow);
    this.#drop();
  }

  async #connect(): Promise<void> {
    try {
      const token = typeof this.#token === "function" ? await this.#token() : this.#token;
      if (!this.#closed) this.#listen(new this.#webSocket(this.#url, protocolsOf(token)));
    } catch (error) {
      this.#lost(asStreamError(error));
    }
  }

  #listen(socket: WebSocketLike): void {
    this.#socket = socket;
    socket.onopen = () => {
      this.#silentLooks = 0;
      this.#watch = setInterval(this.#look, LOOK_MS);
      this.#events.opened();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      this.#silentLooks = 0;
      this.#attempt = 0; // it works: the next loss starts with a short wait again
      if (typeof data === "string") this.#events.received(data);
    };
    socket.onerror = () => {}; // a close follows, and says as much as may be known
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      this.#drop();
      this.#lost(new StreamError("stream.disconnected", `${this.#url}: closed with ${code} ${reason}`.trim()));
    };
  }

  #lost(error: StreamError): void {
    if (this.#closed) return;
    this.#timer = setTimeout(this.#retryNow, backoffMs(this.#attempt++, Math.random()));
    this.#events.lost(error);
  }

  readonly #retryNow = (): void => {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#connect();
  };

  /** A network may vanish without a word. Ask after 20 s of silence; 20 s later the connection is dead. */
  readonly #look = (): void => {
    this.#silentLooks += 1;
    if (this.#silentLooks === 2) this.send(PING);
    if (this.#silentLooks < 3) return;
    this.#drop();
    this.#lost(new StreamError("stream.disconnected", `${this.#url}: no answer`));
  };

  /** Forget the socket; nothing it still says is heard. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearInterval(this.#watch);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(NORMAL_CLOSURE);
  }
}

/** Browsers let a page set no header on a WebSocket: the token goes where it may, as a subprotocol. */
function protocolsOf(token: string | undefined): string[] {
  if (token === undefined) return [];
  if (!PROTOCOL_TOKEN.test(token)) {
    throw new StreamError(
      "stream.token_invalid",
      "token: expected letters, digits and !#$%&'*+-.^_`|~ (a JWT, or unpadded base64url), got other characters",
    );
  }
  return ["Authorization", token];
}

function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  return new StreamError("stream.connect_failed", `connect: ${String(error)}`, { cause: error });
}
