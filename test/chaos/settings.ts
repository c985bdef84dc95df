import type { OrderMix } from './plan/orders.js';
import type { WantedFault } from './plan/schedule.js';
import type { TopologyName } from './run/topology.js';

/** How Redis writes its append-only file; `off` for none. */
export const FSYNC = ['always', 'everysec', 'no', 'off'] as const;
export type Fsync = (typeof FSYNC)[number];

/** Everything that a run is made of. */
export interface Settings extends OrderMix {
  readonly of: 'transport' | 'service';
  /** Where the service keeps its orders, or where the workers have their effect. */
  readonly store: 'redis' | 'postgres';
  readonly redis: TopologyName;
  /** How many replicas must have an order before it counts as acknowledged. */
  readonly waitReplicas: number;
  readonly processes: number;
  /** Orders per second. */
  readonly rate: number;
  readonly faults: readonly WantedFault[];
  readonly fsync: Fsync;
  readonly ackWaitMs: number;
  readonly recoveryIntervalMs: number;
  readonly maxInFlight: number;
  readonly maxRetries: number;
  readonly backoffMs: number;
  readonly retentionMaxEntries: number;
  readonly handlerMs: number;
  /** After how many milliseconds a handler of the service counts as failed. */
  readonly handlerTimeoutMs: number;
  /** Share of the orders that is sent before the first process is started. */
  readonly early: number;
  /** How long nothing may change before a run that is not at rest is given up, in milliseconds. */
  readonly patienceMs: number;
  /** Whether an entry that is delivered a second time is a violation: where nothing but an orderly end can cause it. */
  readonly deliversOnce: boolean;
  /** Whether the artefacts stay when nothing was wrong. */
  readonly keep: boolean;
  readonly bug?: string;
  /** The compiled programs of another checkout, whose processes `mixed` brings in; else a copy of this one. */
  readonly otherBuild?: string;
  /** Of the service. */
  readonly logLevel: string;
}

export const DEFAULTS: Settings = {
  of: 'transport',
  store: 'redis',
  redis: 'alone',
  waitReplicas: 0,
  orders: 10_000,
  processes: 4,
  seed: 1,
  rate: 1_000,
  duplicates: 0.1,
  poison: 0.01,
  flaky: 0.1,
  slow: 0,
  late: 0,
  forged: 0,
  committer: 0,
  killers: 0,
  faults: [],
  fsync: 'everysec',
  ackWaitMs: 2_000,
  recoveryIntervalMs: 100,
  maxInFlight: 64,
  maxRetries: 4,
  backoffMs: 50,
  retentionMaxEntries: 1_000_000,
  handlerMs: 5,
  handlerTimeoutMs: 300_000,
  early: 0.01,
  patienceMs: 15_000,
  deliversOnce: false,
  keep: false,
  logLevel: 'warn',
};
