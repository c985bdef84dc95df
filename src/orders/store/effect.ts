import type { RedisStreamsContext } from '../../transport/index.js';
import type { OrderOutcome } from '../order-state.js';
import { PROCESSED_PATTERN } from '../orders-options.js';

/** What others learn of a processed order. */
export interface OrderProcessedEvent {
  readonly orderId: string;
  /** Of the entry that had the effect. */
  readonly entryId: string;
  readonly attempts: number;
  /** ISO 8601. */
  readonly processedAt: string;
}

/** What commits with the acknowledgement of an order's entry. */
export type Commit = RedisStreamsContext['commit'];
export type CommitTransaction = Parameters<Parameters<Commit>[0]>[0];

/** Headers that a follow-up event has from the order: they say what belongs together. */
const PASSED_ON = ['correlation-id', 'traceparent', 'tracestate'];

/** The way of an effect into Redis, in the step that acknowledges the entry. */
export class Effect {
  constructor(
    private readonly context: Pick<RedisStreamsContext, 'commit' | 'getHeaders'>,
    readonly orderId: string,
  ) {}

  /** Commits the follow-up event, and what `collect` adds. */
  commit({ at, attempts, entryId }: OrderOutcome, collect?: (tx: CommitTransaction) => unknown): void {
    const event: OrderProcessedEvent = { orderId: this.orderId, entryId, attempts, processedAt: at };
    this.context.commit((tx) => {
      collect?.(tx);
      tx.emit(PROCESSED_PATTERN, event, passedOn(this.context.getHeaders()));
    });
  }
}

function passedOn(headers: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = PASSED_ON.map((name) => [name, headers[name]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}
