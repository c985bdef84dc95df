import { FAULTS } from './faults/index.js';
import type { WantedFault } from './plan/schedule.js';
import type { Settings } from './settings.js';

const each = (...names: string[]): WantedFault[] =>
  names.map((name) => ({ name, everyMs: FAULTS[name]?.everyMs ?? 1_000 }));

/** Where there are many, each may be rarer: what is left of a process must have time to work. */
const rarer = ({ name, everyMs }: WantedFault): WantedFault => ({ name, everyMs: everyMs * 3 });

const LONG = { orders: 100_000, rate: 1_500, duplicates: 0.1, poison: 0.01, flaky: 0.1, patienceMs: 60_000 };

/** Mixes with a name. */
export const SCENARIOS: Readonly<Record<string, Partial<Settings>>> = {
  quick: {
    ...{ orders: 4_000, rate: 500, slow: 0.002, killers: 1, ackWaitMs: 1_000, fsync: 'always' },
    faults: [
      { name: 'kill', everyMs: 2_000 },
      { name: 'freeze', everyMs: 5_000 },
      { name: 'sigterm', everyMs: 4_000 },
      { name: 'redis-kill', everyMs: 4_000 },
      { name: 'net-split', everyMs: 6_000 },
      { name: 'cut-replies', everyMs: 2_000 },
      { name: 'skew', everyMs: 1_500 },
      { name: 'oom', everyMs: 6_000, lastsMs: 1_500 },
    ],
  },
  'kill-storm': { ...LONG, faults: [{ name: 'kill', everyMs: 500 }] },
  'redis-kills': { ...LONG, fsync: 'always', faults: [{ name: 'redis-kill', everyMs: 3_000 }] },
  'net-splits': { ...LONG, faults: [{ name: 'net-split', everyMs: 6_000 }] },
  /** Processes of two versions work side by side, and each takes over what the other left. */
  'side-by-side': {
    ...{ ...LONG, orders: 20_000, rate: 500, slow: 0.0005 },
    faults: [
      { name: 'mixed', everyMs: 1_500 },
      { name: 'kill', everyMs: 1_000 },
      { name: 'redis-kill', everyMs: 10_000 },
      { name: 'net-split', everyMs: 15_000 },
    ],
  },
  /** Whatever the clocks of the processes say. */
  clocks: {
    ...{ ...LONG, rate: 500, slow: 0.0005 },
    faults: [
      { name: 'skew', everyMs: 500 },
      { name: 'kill', everyMs: 2_000 },
      { name: 'freeze', everyMs: 7_000 },
      { name: 'redis-clock', everyMs: 15_000 },
    ],
  },
  everything: {
    ...LONG,
    ...{ rate: 500, slow: 0.0005, killers: 2 },
    faults: [
      ...each('freeze', 'redis-kill', 'oom', 'net-split', 'cut', 'cut-replies', 'refuse', 'slow').map(rarer),
      ...[
        { name: 'kill', everyMs: 5_000 },
        { name: 'sigterm', everyMs: 7_000 },
        { name: 'mixed', everyMs: 11_000 },
        { name: 'skew', everyMs: 5_000 },
        { name: 'rolling', everyMs: 40_000 },
      ],
    ],
  },
  /** Failovers by Sentinel; what was confirmed is with both replicas, since `demote` may promote the one without it. */
  sentinel: {
    ...{ ...LONG, orders: 30_000, rate: 300, redis: 'sentinel', waitReplicas: 2, ackWaitMs: 5_000 },
    faults: [
      { name: 'master-kill', everyMs: 20_000 },
      { name: 'master-freeze', everyMs: 30_000 },
      { name: 'demote', everyMs: 25_000 },
      { name: 'kill', everyMs: 5_000 },
    ],
  },
  cluster: {
    ...{ ...LONG, orders: 30_000, rate: 300, redis: 'cluster', waitReplicas: 1, ackWaitMs: 5_000 },
    faults: [
      { name: 'master-kill', everyMs: 25_000 },
      { name: 'master-freeze', everyMs: 40_000 },
      { name: 'reshard', everyMs: 8_000 },
      { name: 'kill', everyMs: 5_000 },
    ],
  },
  /** An older backup comes back under load, and what was acknowledged since is sent again. */
  restore: {
    ...{ orders: 20_000, rate: 500, fsync: 'always' },
    faults: [
      { name: 'restore', everyMs: 12_000, lastsMs: 3_000 },
      { name: 'kill', everyMs: 5_000 },
    ],
  },
  'operator-errors': {
    ...{ orders: 20_000, rate: 500 },
    faults: each('group-destroy', 'stream-delete', 'flushall'),
  },
  /** 500 times SIGTERM under load: each ends with 0, and nothing that had begun is delivered again. */
  sigterms: {
    ...{ orders: 100_000, rate: 250, duplicates: 0, poison: 0, flaky: 0 },
    // Longer than a busy machine holds a process up, so that a second delivery is the doing of an end.
    ...{ ackWaitMs: 60_000, deliversOnce: true },
    faults: [{ name: 'sigterm', everyMs: 750 }],
  },
  /** 1,000 deaths: consumers do not pile up. */
  restarts: {
    ...{ orders: 100_000, rate: 200, flaky: 0, poison: 0 },
    faults: [{ name: 'kill', everyMs: 490 }],
  },
  /** Few deaths, so that there is always somebody to take over. */
  orphans: {
    ...{ orders: 15_000, rate: 200, duplicates: 0, poison: 0, flaky: 0, handlerMs: 400 },
    faults: [{ name: 'kill', everyMs: 6_000 }],
  },
  /** PostgreSQL keeps the orders, and does whatever it can. */
  postgres: {
    ...{ ...LONG, orders: 20_000, rate: 200, of: 'service', store: 'postgres' },
    faults: each('pg-kill', 'pg-restart', 'pg-terminate', 'pg-cut', 'pg-silent').map(rarer),
  },
  /** Redis is full, and stands still, for longer than an order may fail. */
  full: {
    ...{ ...LONG, orders: 20_000, rate: 200, of: 'service' },
    faults: [
      { name: 'oom', everyMs: 80_000, lastsMs: 60_000 },
      { name: 'stall', everyMs: 25_000 },
    ],
  },
  /** Another producer trims what nobody has read: that is said. */
  trimmed: {
    ...{ orders: 5_000, rate: 200, of: 'service' },
    faults: [{ name: 'maxlen', everyMs: 4_000 }],
  },
  'group-destroyed': {
    ...{ orders: 20_000, rate: 500 },
    faults: [{ name: 'group-destroy', everyMs: 2_000 }],
  },
};
