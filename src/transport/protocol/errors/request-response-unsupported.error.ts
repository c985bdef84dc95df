import { OrderStreamsError } from './order-streams.error.js';

/** `send` was called: this transport carries events; there is no reply stream. */
export class RequestResponseUnsupportedError extends OrderStreamsError {
  readonly retriable = false;

  constructor(pattern: string) {
    super(
      `send("${pattern}") is not supported: this transport carries events only. Use emit("${pattern}", …) and @EventPattern.`,
    );
  }
}
