import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jest } from '@jest/globals';
import type { RedisFailure } from '../redis/redis-failure.js';
import type { GroupStart } from '../redis/settlement.js';
import { ReadLoop } from './read.js';
import { ReadTally } from './unread.js';
import type { InFlight } from './in-flight.js';

interface Behaviour {
  ensureGroup?: () => Promise<GroupStart>;
  readNew?: () => Promise<never[]>;
}

function loopOn({
  ensureGroup = () => Promise.resolve({ wasLost: false }),
  readNew = () => new Promise(() => undefined),
}: Behaviour) {
  const failures: RedisFailure[] = [];
  const state = { closed: 0 };
  const reader = { readNew, whenReady: () => Promise.resolve(), close: () => void (state.closed += 1) };
  const inFlight: Pick<InFlight, 'whenRoom' | 'accept'> = {
    whenRoom: () => Promise.resolve(1),
    accept: () => undefined,
  };
  const broker = { prepare: () => Promise.resolve(), ensureGroup, openReader: () => reader };
  const onFailure = (failure: RedisFailure): void => void failures.push(failure);
  const parts = {
    stream: 'orders',
    broker,
    inFlight: inFlight as InFlight,
    withWrites: () => false,
    tally: new ReadTally(),
    onFailure,
  };
  return { loop: new ReadLoop(parts), failures, state };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes on the heap that something still holds on to. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('ReadLoop', () => {
  it('waits longer from failure to failure, and stops at once while it waits', async () => {
    let failed = (): void => undefined;
    const fourth = new Promise<void>((resolve) => (failed = resolve));
    const { loop, failures, state } = loopOn({
      ensureGroup: () => {
        if (failures.length === 3) failed();
        return Promise.reject(new Error('WRONGTYPE Operation against a key'));
      },
    });
    const started = Date.now();
    void loop.start();
    await fourth;
    expect(Date.now() - started).toBeGreaterThan(100);
    expect(loop.failure).toBe('wrong-type');

    await new Promise(setImmediate);
    await loop.stop();

    expect(state.closed).toBe(1);
  });

  it('does not begin another read once it was stopped', async () => {
    let reads = 0;
    const { loop } = loopOn({
      ensureGroup: () => new Promise(() => undefined),
      readNew: () => {
        reads += 1;
        return Promise.resolve([]);
      },
    });
    void loop.start();
    await loop.stop();

    expect(reads).toBe(0);
  });

  it('tells for how long a read has not ended', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    let endRead: (entries: never[]) => void = () => undefined;
    const reading: (() => void)[] = [];
    const { loop } = loopOn({
      readNew: () => {
        reading.shift()?.();
        return new Promise((resolve) => (endRead = resolve));
      },
    });
    const begun = (): Promise<void> => new Promise((resolve) => reading.push(resolve));
    const first = begun();
    void loop.start();
    await first;
    now.mockReturnValue(62_000);
    expect(loop.silentForMs).toBe(61_000);

    const second = begun();
    endRead([]);
    await second;
    expect(loop.silentForMs).toBe(0);
    now.mockRestore();
    const stopped = loop.stop();
    endRead([]);
    await stopped;
    expect(loop.silentForMs).toBe(0);
  });

  it('keeps nothing of the reads that are over', async () => {
    const READS = 20_000;
    let reads = 0;
    let done = (): void => undefined;
    const enough = new Promise<void>((resolve) => (done = resolve));
    let endRead: (entries: never[]) => void = () => undefined;
    const { loop } = loopOn({
      readNew: () => {
        reads += 1;
        if (reads < READS) return Promise.resolve([]);
        done();
        return new Promise((resolve) => (endRead = resolve));
      },
    });
    const before = heapInUse();
    void loop.start();
    await enough;

    expect((heapInUse() - before) / READS).toBeLessThan(100);
    const stopped = loop.stop();
    endRead([]);
    await stopped;
  });
});
