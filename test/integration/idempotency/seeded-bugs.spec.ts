import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { addOrders, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { seed, type BrokenMethods } from '../../support/seeded-bugs/seed.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type StartedServer, type TestHandler } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

/** Marks the key as done when the handler begins. */
const MARKER_FIRST: BrokenMethods = {
  async begin(_stream, claims) {
    const states = claims.map(async ({ entry, marker }) => {
      const isFirst = (await this.redis.commands.set(marker, `done:${entry.id}`, 'NX')) === 'OK';
      return { state: isFirst ? 'begun' : 'duplicate' } as const;
    });
    return Promise.all(states);
  },
};

/** Acknowledges when the handler begins. */
const ACKNOWLEDGE_FIRST: BrokenMethods = {
  async begin(stream, claims) {
    await this.redis.commands.xack(stream, GROUP, ...claims.map(({ entry }) => entry.id));
    return claims.map(() => ({ state: 'begun' }) as const);
  },
};

/** Lets the marker expire while its handler runs, as a lock with a fixed time does. */
const SHORT_EXPIRY: BrokenMethods = {
  async begin(_stream, claims) {
    const states = claims.map(async ({ entry, marker }) => {
      const value = `${entry.id}:${entry.deliveryCount}`;
      if ((await this.redis.commands.set(marker, value, 'PX', 50, 'NX')) === 'OK')
        return { state: 'begun' } as const;
      const isDone = (await this.redis.commands.get(marker))?.startsWith('done:') === true;
      return isDone ? ({ state: 'duplicate' } as const) : ({ state: 'busy', idleMs: 0 } as const);
    });
    return Promise.all(states);
  },
};

let undo = (): void => undefined;

describe('The account of the effects of each key catches the seeded bug', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(async () => {
    undo();
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  /** Sends an order so many times. @returns how often a handler came to its end for it, when nothing is left to do */
  async function effects(sends: number, work: (told: StartedServer['told']) => unknown): Promise<number> {
    const stream = uniqueName('orders');
    let ended = 0;
    const handler: TestHandler = async ({ orderId }) => {
      if (orderId !== 'order') return;
      await work(running.told);
      ended += 1;
    };
    const idempotent = { key: (payload: unknown) => (payload as { orderId: string }).orderId };
    const running = await startServer({ stream, handler, idempotent });
    started.push(running);
    await addOrders(
      redis,
      stream,
      Array.from({ length: sends }, () => 'order'),
    );
    await eventually(async () => {
      const isBegun = running.told.received.length > 0;
      return isBegun && (await pendingRows(redis, stream)).length === 0 ? true : undefined;
    });
    return ended;
  }

  it.each([
    ['marker before effect', MARKER_FIRST],
    ['acknowledge before effect', ACKNOWLEDGE_FIRST],
  ])('%s', async (_, broken) => {
    const failingOnce = (): (() => void) => {
      let calls = 0;
      return () => {
        calls += 1;
        if (calls === 1) throw new Error('died before the effect');
      };
    };
    expect(await effects(1, failingOnce())).toBe(1);
    undo = seed(broken);
    expect(await effects(1, failingOnce())).toBe(0);
  });

  it('expiry shorter than the handler', async () => {
    /** Works until another one works beside it, or the duplicate has waited for longer than it would have to. */
    const slow = (): ((told: StartedServer['told']) => unknown) => {
      let calls = 0;
      return (told) => {
        calls += 1;
        return eventually(() => (calls > 1 || told['duplicate-waiting'].length > 2 ? true : undefined));
      };
    };
    expect(await effects(2, slow())).toBe(1);
    undo = seed(SHORT_EXPIRY);
    expect(await effects(2, slow())).toBeGreaterThan(1);
  });
});
