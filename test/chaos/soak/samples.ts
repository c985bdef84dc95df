import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { readFinalState } from '../account/final-state.js';

/** What must not grow while the load stays as it is. */
export interface Sample {
  /** Memory of all processes together, in MB. */
  readonly rssMb: number;
  /** Open files and sockets of all processes together. */
  readonly handles: number;
  /** Connections that Redis serves. */
  readonly connections: number;
  readonly consumers: number;
  readonly pending: number;
}

/** How much more the last window may have than the first one after the warm-up. */
const TOLERANCE: Readonly<Record<keyof Sample, { share: number; least: number }>> = {
  rssMb: { share: 0.2, least: 64 },
  handles: { share: 0.05, least: 4 },
  connections: { share: 0, least: 2 },
  consumers: { share: 0, least: 0 },
  pending: { share: 0.5, least: 500 },
};

/** Reads `/proc`, which Linux alone has. */
export async function takeSample(
  pids: readonly number[],
  redis: Redis,
  stream: string,
  group: string,
): Promise<Sample> {
  const { consumers, pending } = await readFinalState(redis, stream, group);
  const info = await redis.info('clients');
  return {
    rssMb: sum(pids.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(status(pid))?.[1] ?? 0))) / 1_024,
    handles: sum(pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length)),
    connections: Number(/connected_clients:(\d+)/.exec(info)?.[1] ?? 0),
    consumers,
    pending,
  };
}

/** Growth of one figure between the first third after the warm-up and the last one. */
export interface Growth {
  readonly what: keyof Sample;
  readonly first: number;
  readonly last: number;
  readonly isTooMuch: boolean;
}

/** Compares windows by their medians, since garbage is collected in its own time. */
export function growthIn(samples: readonly Sample[]): Growth[] {
  const window = Math.max(1, Math.floor(samples.length / 3));
  return (Object.keys(TOLERANCE) as (keyof Sample)[]).map((what) => {
    const first = median(samples.slice(0, window).map((sample) => sample[what]));
    const last = median(samples.slice(-window).map((sample) => sample[what]));
    const { share, least } = TOLERANCE[what];
    return { what, first, last, isTooMuch: last - first > Math.max(least, first * share) };
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function status(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
