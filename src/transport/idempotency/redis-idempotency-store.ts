import { Questions } from '../redis/batches.js';
import { done, inProgress, type MarkerAnswer, type MarkerBroker, type MarkerClaim } from '../redis/port.js';
import { failureOf, type RedisFailure } from '../redis/redis-failure.js';
import { RedisUnavailableError } from '../entry/client-errors.js';
import { helperKeyOf } from '../entry/names.js';
import { describeThrown } from '../entry/thrown.js';
import { keptKey } from './idempotency-key.js';
import type { IdempotencyClaim, IdempotencyEnd, IdempotencyStore } from './idempotency-store.js';

/** How much longer than its handler may take a marker is kept, in milliseconds: clocks are set now and then. */
const SPARE_MS = 3_600_000;
/** A duplicate waits about as long again as the owner has worked, but within these, in milliseconds. */
const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_000;

/** Trouble of Redis itself, which is no failure of the handler. */
const TROUBLE: ReadonlySet<RedisFailure> = new Set([
  'refuses-writes',
  'cluster-changes',
  'unreachable',
  'no-permission',
]);

/**
 * Keeps markers in Redis, next to the stream. A key is marked as done by the very step that commits what the handler
 * collected with `context.commit` and acknowledges the entry; effects elsewhere happen at least once.
 */
export class RedisIdempotencyStore implements IdempotencyStore {
  private readonly markers: Questions<MarkerClaim, MarkerAnswer>;

  constructor(broker: MarkerBroker, stream: string) {
    this.markers = new Questions({ limits: {}, send: (claims) => broker.begin(stream, claims) });
  }

  async run(claim: IdempotencyClaim, work: () => Promise<void>): Promise<IdempotencyEnd> {
    const { entry, windowMs, handlerTimeoutMs } = claim;
    const marker = markerOf(claim);
    // It outlives every handler that may still count, and needs no renewal for that.
    const ttlMs = handlerTimeoutMs === 0 ? 0 : handlerTimeoutMs + SPARE_MS;
    let answer: MarkerAnswer;
    try {
      answer = await this.markers.ask({ entry, marker, ttlMs });
    } catch (error) {
      if (!TROUBLE.has(failureOf(error))) throw error;
      return { outcome: 'busy', retryInMs: LONGEST_WAIT_MS, cause: unavailable(error) };
    }
    switch (answer.state) {
      case 'begun':
        await work();
        return {
          outcome: 'done',
          guard: { key: marker, expected: inProgress(entry), value: done(entry), ttlMs: windowMs },
        };
      case 'duplicate':
        return { outcome: 'duplicate' };
      case 'busy': {
        const retryInMs = Math.min(Math.max(answer.idleMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
        return { outcome: 'busy', retryInMs };
      }
      case 'refused':
        throw new Error(`The marker of the idempotency key cannot be used: ${answer.problem}`);
      default:
        return { outcome: 'lost' };
    }
  }
}

function unavailable(error: unknown): RedisUnavailableError {
  const { message } = describeThrown(error);
  return new RedisUnavailableError(`Redis could not be asked for an idempotency key: ${message}`, false, {
    cause: error,
  });
}

/** Handler and key cannot run into each other: neither the colon nor anything like it stays in the handler's name. */
function markerOf({ stream, group, handler, key }: IdempotencyClaim): string {
  return helperKeyOf(stream, group, 'idempotent', encodeURIComponent(handler), keptKey(key));
}
