import type {
  DeadLetter,
  DeadLetterReason,
  DeadLetterVerdict,
  ENTRY_ID,
  FailedEvent,
  NextStep,
  SettlementWrites,
  StreamWrites,
} from '../../transport/index.js';
import { StoreCheck } from '../../operations/health/store-check.js';
import type { OrderEventDto } from '../dto/order-event.dto.js';
import type { OrderOutcome, OrderSnapshot } from '../order-state.js';
import type { Effect } from './effect.js';

/** Stands for the id of the entry that the same step adds. */
export type NewEntryId = typeof ENTRY_ID;

/** One delivery of an order. */
export interface OrderDelivery {
  readonly entryId: string;
  /** How often a handler has been given this entry, this time included. */
  readonly attempts: number;
  /** How often the order had been put back from the dead letters when the entry was written. */
  readonly replays: number;
}

/** How an order stands when an entry brings it. */
export type Standing =
  | OpenStanding
  /** Another entry ended it. */
  | { readonly is: 'ended'; readonly outcome: OrderOutcome }
  /** This entry had its effect, in a process that did not come to acknowledge it. */
  | { readonly is: 'effective'; readonly outcome: OrderOutcome };

/** It has not ended. */
export interface OpenStanding {
  readonly is: 'open';
  /** How often it had been replayed by then: who ends it names this, so that a late one ends nothing newer. */
  readonly replays: number;
}

/** Sends the order's entry, with Redis writes in the same step. */
export type SendOrder = (collect?: (writes: StreamWrites, entryId: NewEntryId) => unknown) => Promise<string>;

/**
 * Where orders are kept. The first terminal state of an order wins: no later entry with its id, and no process that was
 * thought dead, can change it or take effect a second time. Only a replay of its dead letter opens it again.
 *
 * Each method throws a `RedisUnavailableError` or a `StoreUnavailableError` when what it needs is unavailable.
 */
export abstract class OrderStore extends StoreCheck {
  /** Resolves when orders can be kept here for the first time: until then no entry should be given to a handler. */
  abstract readonly ready: Promise<void>;
  /** Whether `ready` has resolved. */
  abstract readonly isReady: boolean;

  /**
   * Takes an order in, unless its id is known already.
   *
   * @returns the id of its entry once it is in the stream
   * @throws OrderIdConflictError when another order has the id
   */
  abstract accept(order: OrderEventDto, acceptedAt: string, send: SendOrder): Promise<string>;

  /**
   * Notes that an entry brings this order, unless that is known already.
   *
   * @throws OrderIdConflictError when another order has the id; nothing is noted then
   */
  abstract open(order: OrderEventDto, delivery: OrderDelivery): Promise<Standing>;

  /**
   * Lets the order take effect, once, with the follow-up event and the acknowledgement of its entry.
   *
   * @param standing - how this entry found it, unless it had its effect before
   * @returns the outcome that holds if another entry came first: then this one had no effect
   */
  abstract complete(
    order: OrderEventDto,
    outcome: OrderOutcome,
    effect: Effect,
    standing?: OpenStanding,
  ): Promise<OrderOutcome | undefined>;

  /** Asked before an entry that brought this order is dead-lettered, see `DeadLetterArbiter`. */
  abstract judge(orderId: string, event: FailedEvent, reason: DeadLetterReason): Promise<DeadLetterVerdict>;

  /** Adds what is to be kept of a failed delivery to the step that parks or dead-letters its entry. */
  abstract recordFailure(
    orderId: string,
    event: FailedEvent,
    next: NextStep,
    writes: SettlementWrites,
    deadLetterId: NewEntryId,
  ): void;

  /**
   * Adds what opens an order again to the step that replays its dead letter. Only the dead letter that ended the order
   * does: one of a duplicate leaves it as it is.
   *
   * @param isEdited - whether the replay has another payload: from here on it is another order, since the operator says so
   * @param entryId - of the entry that the replay writes
   */
  abstract reopen(
    deadLetter: DeadLetter,
    orderId: string,
    isEdited: boolean,
    writes: StreamWrites,
    entryId: NewEntryId,
  ): Promise<void>;

  /** Everything that is known of an order. What is seen later is never older than what was seen before. */
  abstract find(orderId: string): Promise<OrderSnapshot | undefined>;

  /** Ends connections of the store's own; call it when no handler runs any more. */
  abstract close(): Promise<void>;
}
