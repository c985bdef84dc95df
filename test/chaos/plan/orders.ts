import { Random } from '../../integration/model/random.js';

/** What an order does to whoever handles it; its id begins with it, so that a worker need know no more. */
export const ORDER_KINDS = [
  'plain',
  'poison',
  'flaky',
  'slow',
  'late',
  'forged',
  'committer',
  'killer',
] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/** How many orders there are, and which shares of them are difficult. */
export interface OrderMix {
  readonly orders: number;
  readonly seed: number;
  /** Share of orders that are sent twice, as two entries. */
  readonly duplicates: number;
  /** Share that fails for ever. */
  readonly poison: number;
  /** Share that fails once or twice. */
  readonly flaky: number;
  /** Share whose handler runs for longer than the ack wait. */
  readonly slow: number;
  /** Share whose handler works on after its time was up, in the service: they are dead-lettered meanwhile. */
  readonly late: number;
  /** Share that another producer sends, who writes what only a replay may write. */
  readonly forged: number;
  /** Share whose handler sends COMMIT on the transaction that it was given, where there is one, and fails then. */
  readonly committer: number;
  /** How many orders kill the process that handles them. */
  readonly killers: number;
}

/** One order as the producer sends it. */
export interface PlannedOrder {
  readonly orderId: string;
  /** After how many further orders it is sent once more; undefined: never. */
  readonly repeatAfter?: number;
}

/** Latest repetition of an order, in orders. */
const LONGEST_LAG = 300;

/** The order with this number: a pure function of the seed. */
export function plannedOrder(mix: OrderMix, index: number): PlannedOrder {
  const random = new Random(mix.seed * 1_000_003 + index);
  const kind = kindOf(mix, index, random.next());
  const repeats = kind !== 'killer' && random.chance(mix.duplicates);
  return { orderId: `${kind}-${index}`, ...(repeats && { repeatAfter: random.below(LONGEST_LAG) }) };
}

function kindOf(mix: OrderMix, index: number, at: number): OrderKind {
  const { orders, killers } = mix;
  if (killers > 0 && index % Math.max(1, Math.floor(orders / killers)) === Math.floor(orders / killers / 2))
    return 'killer';
  let upTo = 0;
  return (
    (['poison', 'flaky', 'slow', 'late', 'forged', 'committer'] as const).find(
      (kind) => at < (upTo += mix[kind]),
    ) ?? 'plain'
  );
}

/** The kind that an order id tells. */
export function kindIn(orderId: string): OrderKind {
  return ORDER_KINDS.find((kind) => orderId.startsWith(`${kind}-`)) ?? 'plain';
}
