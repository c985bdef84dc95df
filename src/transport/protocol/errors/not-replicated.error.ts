import { RedisUnavailableError } from './redis-unavailable.error.js';

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
    readonly wanted: number,
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
