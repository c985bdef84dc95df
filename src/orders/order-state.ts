/** `accepted` and `retrying` are on the way; the other two are final. */
export type OrderState = 'accepted' | 'retrying' | FinalState;
export type FinalState = 'processed' | 'dead-lettered';

/** How an order ended; written once, the first one wins. */
export interface OrderOutcome {
  readonly state: FinalState;
  /** ISO 8601. */
  readonly at: string;
  readonly attempts: number;
  readonly entryId: string;
  readonly lastError?: string;
}

/** The last attempt that failed, of an order that is still on its way. */
export interface OrderFailure {
  /** ISO 8601. */
  readonly at: string;
  readonly error: string;
}

/** What is known of one order. */
export interface OrderSnapshot {
  readonly orderId: string;
  /** Of the first entry that brought the order, or of its last replay. */
  readonly entryId: string;
  /** ISO 8601. */
  readonly acceptedAt: string;
  /** Deliveries of the entry that the group has made; 0 when it is not pending. */
  readonly deliveries: number;
  /** Whether the entry waits for a retry. */
  readonly waiting: boolean;
  /** How often the order was put back from the dead letters. */
  readonly replays: number;
  readonly failure?: OrderFailure;
  readonly outcome?: OrderOutcome;
  readonly deadLetterId?: string;
}

/** An order as the service shows it. */
export interface OrderView {
  orderId: string;
  state: OrderState;
  /** How often a handler was given the order. */
  attempts: number;
  entryId: string;
  acceptedAt: string;
  updatedAt: string;
  lastError?: string;
  /** Where the order is, once it is dead-lettered. */
  deadLetterId?: string;
  /** How often the order was put back from the dead letters, if it was. */
  replays?: number;
}

/** The outcome decides; without one the state follows from the pending entry, so that no write can be missed. */
export function viewOf(snapshot: OrderSnapshot): OrderView {
  const { orderId, entryId, acceptedAt, deliveries, waiting, failure, outcome, replays } = snapshot;
  const lastError = outcome ? outcome.lastError : failure?.error;
  const deadLetterId = outcome?.state === 'dead-lettered' ? snapshot.deadLetterId : undefined;
  return {
    orderId,
    state: outcome?.state ?? (waiting || deliveries > 1 ? 'retrying' : 'accepted'),
    attempts: outcome?.attempts ?? deliveries,
    entryId,
    acceptedAt,
    updatedAt: outcome?.at ?? failure?.at ?? acceptedAt,
    ...(lastError === undefined ? {} : { lastError }),
    ...(deadLetterId === undefined ? {} : { deadLetterId }),
    ...(replays > 0 && { replays }),
  };
}
