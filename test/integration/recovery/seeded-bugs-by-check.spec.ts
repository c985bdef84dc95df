import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import * as bugs from '../../support/seeded-bugs/broker-bugs.js';
import { seed } from '../../support/seeded-bugs/seed.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer } from '../../support/started-server.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A check of its own catches the seeded bug', () => {
  let undo = (): void => undefined;
  let redis: Redis;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(() => {
    undo();
    redis.disconnect();
  });

  it('stop at an empty page', async () => {
    /** Whether the one idle entry behind many that are not is taken over. */
    const findsTheTail = async (): Promise<boolean> => {
      const stream = uniqueName('orders');
      await addOrders(redis, stream, numbered(600));
      const tail = (await abandon(redis, stream, { idleMs: 0 })).at(-1) ?? '';
      await redis.xclaim(stream, GROUP, 'dead-consumer', 0, tail, 'IDLE', 3_600_000, 'JUSTID');
      const options = { ackWaitMs: 1_800_000, recoveryIntervalMs: 3_600_000 };
      const running = await startServer({ stream, handler: () => undefined, options });
      for (let run = 0; run < 5; run += 1) await running.server.recovery.runOnce();
      await running.close();
      return running.told.reclaimed.some(({ entryIds }) => entryIds.includes(tail));
    };
    expect(await findsTheTail()).toBe(true);
    undo = seed(bugs.STOP_AT_AN_EMPTY_PAGE);
    expect(await findsTheTail()).toBe(false);
  });

  it('unguarded heartbeat', async () => {
    /** Who has the entry in the end that a thief took from a running handler. */
    const ownerAfterTheft = async (): Promise<string | undefined> => {
      const stream = uniqueName('orders');
      let isAborted = false;
      const running = await startServer({
        stream,
        options: { shutdownGraceMs: 50, recoveryIntervalMs: 3_600_000 },
        handler: (_, context) => {
          context.getSignal().addEventListener('abort', () => (isAborted = true));
          return new Promise(() => undefined);
        },
      });
      const owner = async (): Promise<string | undefined> => (await pendingRows(redis, stream))[0]?.owner;
      const [id = ''] = await addOrders(redis, stream, ['1']);
      await eventually(() => running.told.received[0]);
      await redis.xclaim(stream, GROUP, 'thief', 0, id, 'JUSTID');
      await eventually(async () => (isAborted || (await owner()) !== 'thief' ? true : undefined));
      const last = await owner();
      await running.close();
      return last;
    };
    expect(await ownerAfterTheft()).toBe('thief');
    undo = seed(bugs.UNGUARDED_HEARTBEAT);
    expect(await ownerAfterTheft()).not.toBe('thief');
  });

  it('blockingTimeout', async () => {
    /** Whether a reader reads again after its link died without a word. */
    const readsAgain = async (open: typeof bugs.properReader, timeoutMs: number): Promise<boolean> => {
      const stream = uniqueName('orders');
      await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
      const proxy = await startProxy('127.0.0.1', Number(new URL(sharedRedisUrl()).port));
      const reader = open(`redis://127.0.0.1:${proxy.port}`, stream, 200);
      const ids = new Set<string>();
      const read = (): Promise<void> =>
        reader.readNew(10).then(
          (entries) => entries.forEach(({ id }) => ids.add(id)),
          () => undefined,
        );
      try {
        const [before = ''] = await addOrders(redis, stream, ['before']);
        await eventuallyPasses(() => read().then(() => expect(ids).toContain(before)));
        proxy.blackhole();
        await read();
        await proxy.heal();
        const [after = ''] = await addOrders(redis, stream, ['after']);
        return await eventually(() => read().then(() => (ids.has(after) ? true : undefined)), {
          timeoutMs,
        }).catch(() => false);
      } finally {
        reader.close();
        await proxy.stop();
      }
    };
    expect(await readsAgain(bugs.properReader, 20_000)).toBe(true);
    expect(await readsAgain(bugs.readerWithBlockingTimeout, 4_000)).toBe(false);
  });
});
