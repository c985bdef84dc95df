import { knowByName } from './known-by-name.js';

/** Base of every error that this package raises by itself. */
export abstract class OrderStreamsError extends Error {
  /** Whether the same step may succeed when it is tried again. */
  abstract readonly retriable: boolean;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * Thrown by a handler whose failure no repeat can mend: the entry goes to the dead-letter stream at once.
 *
 * @example
 * ```ts
 * if (order.amount < 0) throw new NonRetryableError(`Order ${order.orderId} has a negative amount`);
 * ```
 */
export class NonRetryableError extends OrderStreamsError {
  /** No attempt follows. */
  readonly retriable = false;
}

/**
 * Thrown by a handler that knows better than the backoff when a repeat makes sense. The attempt is charged.
 *
 * @example
 * ```ts
 * if (response.status === 429) throw new RetryLaterError(60_000, 'The carrier lets us in again in a minute');
 * ```
 */
export class RetryLaterError extends OrderStreamsError {
  /** An attempt follows, unless the retries are used up. */
  readonly retriable = true;

  /** @param delayMs - milliseconds until the next attempt, 0 or more */
  constructor(
    /** Milliseconds until the next attempt; at most `maxRetryDelayMs` of the server count. */
    readonly delayMs: number,
    message = `Retry in ${delayMs} ms`,
    options?: ErrorOptions,
  ) {
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new RangeError(`RetryLaterError takes a delay of 0 ms or more, not ${delayMs}`);
    }
    super(message, options);
  }
}

/**
 * Thrown by a handler when something that it needs cannot be used, such as its database: that says nothing of the entry,
 * which is put off without a delivery being charged: first for the delay of the backoff, then for twice as long each
 * time. When it was put off for `maxPutOffMs` its attempts are charged.
 *
 * @example
 * ```ts
 * await stock.reserve(order).catch((cause: unknown) => {
 *   throw new DependencyUnavailableError('The stock service does not answer', { cause });
 * });
 * ```
 */
export class DependencyUnavailableError extends OrderStreamsError {
  /** An attempt follows. */
  readonly retriable = true;
}

/** A handler did not finish within its timeout; it counts as failed, and what it still does no longer counts. */
export class HandlerTimeoutError extends OrderStreamsError {
  /** An attempt follows, unless the retries are used up. */
  readonly retriable = true;

  constructor(
    /** Milliseconds that the handler had. */
    readonly timeoutMs: number,
  ) {
    super(`The handler did not finish within ${timeoutMs} ms`);
  }
}

/** Every process that was given the entry ended without settling it, the last one while it handled nothing else. */
export class AbandonedEntryError extends OrderStreamsError {
  /** The entry goes to the dead letters. */
  readonly retriable = false;

  constructor(deliveryCount: number) {
    super(
      `Delivered ${deliveryCount} times and abandoned each time, at last while it ran alone in its process`,
    );
  }
}

/** The abort reason of a handler whose entry was delivered to another process meanwhile. */
export class DeliveryLostError extends OrderStreamsError {
  /** Another process goes on with the entry. */
  readonly retriable = false;

  constructor(
    /** The entry that was lost. */
    readonly entryId: string,
  ) {
    super(`Entry ${entryId} belongs to another consumer by now; what this handler does no longer counts`);
  }
}

/** `context.commit` was called after the handler had ended, or when its result no longer counted. */
export class DeliveryOverError extends OrderStreamsError {
  /** The delivery does not come back. */
  readonly retriable = false;

  constructor(
    /** The entry whose delivery it was. */
    readonly entryId: string,
    options?: ErrorOptions,
  ) {
    super(`The delivery of entry ${entryId} is over: what is committed now would never be applied`, options);
  }
}

/** An entry in a stream does not follow the wire format, so no handler can be given it. */
export class MalformedEntryError extends OrderStreamsError {
  /** The entry stays as it is. */
  readonly retriable = false;

  /** @param problem - what is wrong and in which field; never the field's value */
  constructor(problem: string, options?: ErrorOptions) {
    super(`Malformed entry: ${problem}`, options);
  }
}

/** The handler finished, but what it committed could not be written. Nothing of it was, and its entry is not acknowledged. */
export class CommitRefusedError extends OrderStreamsError {
  /** What stood in the way may be gone at the next attempt. */
  readonly retriable = true;

  /**
   * @param entryId - the entry that was handled
   * @param reason - names command and key, and what is wrong with them
   */
  constructor(
    /** The entry that was handled. */
    readonly entryId: string,
    reason: string,
  ) {
    super(`Nothing of the commit for entry ${entryId} was written: ${reason}`);
  }
}

/** A transaction collects more than one commit may carry; the call that was too much added nothing. */
export class CommitTooLargeError extends OrderStreamsError {
  /** The handler has to commit less. */
  readonly retriable = false;

  /** @param problem - which limit was passed */
  constructor(problem: string) {
    super(
      `A commit is limited, since Redis serves nobody else while it applies one: ${problem}. ` +
        'Write less, or split the work over several entries',
    );
  }
}

/** A write that travels with an event depends on a field that holds something else by now: nothing was added or written. */
export class ContradictedWritesError extends OrderStreamsError {
  /** Read the field again before you decide what to send. */
  readonly retriable = false;

  constructor() {
    super('A field that the writes of this event depend on holds another value; nothing was added');
  }
}

/** An entry has no usable idempotency key. It goes to the dead letters: handled without one, it could be handled twice. */
export class IdempotencyKeyError extends NonRetryableError {
  /**
   * @param handler - the handler's name in the markers, its pattern unless it was given another
   * @param problem - what is wrong with the key; never the key itself
   */
  constructor(
    /** The name of the handler in the markers. */
    readonly handler: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`No idempotency key for the handler "${handler}": ${problem}`, options);
  }
}

/**
 * An entry that a process had given up before, which did not come to write the dead letter, or that was delivered again
 * after it: its handler is not called any more, so that nothing is both processed and dead-lettered.
 */
export class GivenUpError extends NonRetryableError {
  constructor(
    /** The entry that was given up. */
    readonly entryId: string,
  ) {
    super(`The entry ${entryId} was given up before; only a replay of its dead letter is handled`);
  }
}

/**
 * A handler tried to begin or to end the transaction that it was given, or ended it. The idempotency store alone may:
 * key and effect are committed together. The key is not done, and the entry goes to the dead letters at once: another
 * attempt would repeat what was committed.
 */
export class TransactionControlError extends NonRetryableError {
  /**
   * @param statement - the word that was refused before it was sent, so that nothing of the delivery is committed;
   * undefined when the transaction was found to be over, and what was committed before its end stays
   */
  constructor(
    /** The word that was refused; undefined when the transaction was found to be over. */
    readonly statement: string | undefined,
    options?: ErrorOptions,
  ) {
    super(
      statement === undefined
        ? 'The handler ended the transaction that it was given. What it had committed stays, its idempotency key is ' +
            'not done, and the entry is not tried again, since that would repeat it. See what was committed before ' +
            'you replay the dead letter'
        : `The handler sent ${statement} on the transaction that it was given: the idempotency store begins and ends ` +
            'it. Nothing was committed. Write in it directly; for a part that may fail use SAVEPOINT',
      options,
    );
  }
}

/**
 * Redis answers, and the stream can take no entry until somebody mends it: its key holds something else, or its last id is
 * the largest that there is. Nothing was added.
 */
export class StreamUnusableError extends OrderStreamsError {
  /** The stream may be mended by then. */
  readonly retriable = true;
}

knowByName({
  OrderStreamsError,
  NonRetryableError,
  RetryLaterError,
  DependencyUnavailableError,
  HandlerTimeoutError,
  AbandonedEntryError,
  DeliveryLostError,
  DeliveryOverError,
  MalformedEntryError,
  CommitRefusedError,
  CommitTooLargeError,
  ContradictedWritesError,
  IdempotencyKeyError,
  GivenUpError,
  TransactionControlError,
  StreamUnusableError,
});
