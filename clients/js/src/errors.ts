/** A subscription or connection that the server refused, or that cannot be made. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  /** Stable, for programs: `stream.denied`, `stream.closed` … */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
