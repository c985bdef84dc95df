import { OrderStreamsError } from './errors.js';
import { knowByName } from './known-by-name.js';

/**
 * Redis did not answer in time, or refused the write for a reason that passes (loading, out of memory, read only).
 */
export class RedisUnavailableError extends OrderStreamsError {
  /** Redis may answer the next time. */
  readonly retriable = true;

  /**
   * @param message - what was tried
   * @param mayBeThere - true when the command had been sent and its answer was lost: what it was to write may be in
   * Redis all the same, or come to be there later, and a repeat of an emit without an idempotency key may add the entry
   * twice. False: it is not there, and a repeat is safe
   */
  constructor(
    message: string,
    /** Whether what it was to write may be in Redis all the same: its answer was lost. */
    readonly mayBeThere: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The same as `mayBeThere`. */
  get mayHaveSucceeded(): boolean {
    return this.mayBeThere;
  }
}

/**
 * Too much waits in this client already, so the event was not sent. Redis need not be in trouble: events are made faster
 * than it takes them. Wait for emits to complete before you go on.
 */
export class EmitQueueFullError extends OrderStreamsError {
  /** There is room once emits complete. */
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

/** This Redis cannot do what the transport needs of it; nothing was written. What comes works once Redis can. */
export class FunctionsMissingError extends RedisUnavailableError {
  constructor() {
    super(
      'This Redis has no Functions (FUNCTION and FCALL): Redis 7.0 or later, or Valkey, is needed, with neither ' +
        'command renamed or disabled; until then nothing is read and nothing that needs them is written',
      false,
    );
  }
}

/** An idempotency key was sent again with an event that is not the one that it stands for; nothing was added. */
export class IdempotencyKeyReusedError extends OrderStreamsError {
  /** The key stands for the other event until its window ends. */
  readonly retriable = false;

  constructor(
    /** The key as it was given. */
    readonly key: string,
    /** The entry that the key stands for. */
    readonly entryId: string,
  ) {
    super(`The idempotency key "${key}" was used for another event already, entry ${entryId}; use a new key`);
  }
}

/** An option of the transport has a value that cannot work; raised at construction or at start, never later. */
export class InvalidOptionError extends OrderStreamsError {
  /** The option has to be changed. */
  readonly retriable = false;

  /**
   * @param option - the option's path, such as `maxInFlight`
   * @param problem - what is wrong with it and what is allowed
   */
  constructor(
    /** The path of the option, such as `retry.maxRetries`. */
    readonly option: string,
    /** What is wrong with it, and what is allowed. */
    readonly problem: string,
  ) {
    super(`Option "${option}": ${problem}`);
  }
}

/** The Redis user may not do what the transport needs. */
export class MissingPermissionError extends OrderStreamsError {
  /** The rights of the Redis user have to be changed. */
  readonly retriable = false;
}

/**
 * The master has the entry, and not enough replicas confirmed it in time: it survives unless the master is lost before
 * they have it. Sending it again is safe for what it does with an idempotency key, and may add it twice without.
 */
export class NotReplicatedError extends RedisUnavailableError {
  /**
   * @param stream - where the entry was written to
   * @param wanted - how many replicas were to confirm it
   * @param confirmed - how many did; undefined when the link broke before they were counted
   */
  constructor(
    stream: string,
    /** How many replicas were to confirm it. */
    readonly wanted: number,
    /** How many replicas did; undefined when the link broke before they were counted. */
    readonly confirmed: number | undefined,
    options?: ErrorOptions,
  ) {
    const counted = confirmed === undefined ? 'an unknown number' : String(confirmed);
    super(
      `The entry in "${stream}" is not replicated: ${counted} of ${wanted} replicas confirmed it in time. ` +
        'It may or may not survive the loss of the master; it is safe to send again with an idempotency key',
      true,
      options,
    );
  }
}

/** `send` was called: this transport carries events; there is no reply stream. */
export class RequestResponseUnsupportedError extends OrderStreamsError {
  /** This transport has no replies. */
  readonly retriable = false;

  constructor(pattern: string) {
    super(
      `send("${pattern}") is not supported: this transport carries events only. Use emit("${pattern}", …) and @EventPattern.`,
    );
  }
}

/** What was given to `emit` cannot be written as an entry; nothing was sent. */
export class UnencodableEventError extends OrderStreamsError {
  /** The event has to be changed. */
  readonly retriable = false;

  /** @param problem - which part of the event cannot be written and why */
  constructor(problem: string, options?: ErrorOptions) {
    super(`The event cannot be written to a stream: ${problem}`, options);
  }
}

/** Handlers were registered in a way that this transport cannot serve without risk; the start is refused. */
export class UnsupportedPatternError extends OrderStreamsError {
  /** The handlers have to be changed. */
  readonly retriable = false;

  constructor(
    /** The pattern that cannot be served. */
    readonly pattern: string,
    problem: string,
  ) {
    super(`Pattern "${pattern}": ${problem}`);
  }
}

knowByName({
  RedisUnavailableError,
  EmitQueueFullError,
  FunctionsMissingError,
  IdempotencyKeyReusedError,
  InvalidOptionError,
  MissingPermissionError,
  NotReplicatedError,
  RequestResponseUnsupportedError,
  UnencodableEventError,
  UnsupportedPatternError,
});
