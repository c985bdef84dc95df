import { OrderStreamsError } from './order-streams.error.js';

/**
 * Too much waits in this client already, so the event was not sent. Redis need not be in trouble: events are made faster
 * than it takes them. Wait for emits to complete before you go on.
 */
export class EmitQueueFullError extends OrderStreamsError {
  readonly retriable = true;
  /** The entry is not in the stream: nothing was sent. */
  readonly mayBeThere = false;

  constructor(
    /** Emits that wait, or whose answer is awaited. */
    readonly pendingEmits: number,
    /** About what they take of the memory, in bytes. */
    readonly pendingBytes: number,
    /** The option that was reached. */
    readonly limit: 'maxPendingEmits' | 'maxPendingBytes',
    /** What that option allows. */
    readonly allowed: number,
    options?: ErrorOptions,
  ) {
    const reason =
      limit === 'maxPendingEmits'
        ? `more than ${allowed} may not wait while Redis is unavailable`
        : `more than ${allowed} bytes may not wait`;
    super(
      `${pendingEmits} events, ${pendingBytes} bytes, wait for Redis already; this one was not sent: ${reason} ` +
        `(option "${limit}"). Wait for emits to complete before you go on`,
      options,
    );
  }
}
