import type { Redis } from 'ioredis';
import type {
  DeadLetterArbiter,
  DeadLetterReason,
  DeadLetterVerdict,
  RedisStreamsContext,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('An arbiter of dead letters', () => {
  let redis: Redis;
  let stream: string;
  let running: StartedServer;
  let failing: boolean;
  let beforeFailing: (entryId: string) => unknown;
  let asked: { entryId: string; reason: DeadLetterReason }[];

  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    failing = true;
    beforeFailing = () => undefined;
    asked = [];
  });
  afterEach(async () => {
    await running.close();
    redis.disconnect();
  });

  /** Starts a server whose handler fails while `failing`, and whose arbiter says what comes next, the last for ever. */
  async function start(...verdicts: (DeadLetterVerdict | 'rejects')[]): Promise<void> {
    const arbiter: DeadLetterArbiter = ({ entryId }, reason) => {
      asked.push({ entryId, reason });
      const verdict = verdicts[Math.min(asked.length, verdicts.length) - 1] ?? 'rejects';
      return verdict === 'rejects' ? Promise.reject(new Error('away')) : Promise.resolve(verdict);
    };
    const handler = async (_payload: unknown, context: RedisStreamsContext): Promise<void> => {
      await beforeFailing(context.getEntryId());
      if (failing) throw new Error('no stock');
    };
    running = await startServer({ stream, handler, arbiter, options: { ackWaitMs: 200 } });
  }
  const nothingPending = () =>
    eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
  /** An entry that was abandoned when it ran alone, of the consumer `killed`. */
  async function abandonedAlone(): Promise<string> {
    await addOrders(redis, stream, ['42']);
    const [id = ''] = await abandon(redis, stream, { consumer: 'killed', count: 4 });
    await redis.set(`{${stream}}:test-group:alone:${id}`, '4', 'PX', 60_000);
    return id;
  }

  it('is asked before an entry is dead-lettered, and may agree', async () => {
    await start('dead-letter');
    const [entryId] = await addOrders(redis, stream, ['42']);
    await eventually(() => running.told['dead-lettered'][0]);
    expect(asked).toEqual([{ entryId, reason: 'retries-exhausted' }]);
    expect(await deadLetters(redis, stream)).toHaveLength(1);
  });

  it.each<[string, DeadLetterVerdict | 'rejects']>([
    ['asks for it', 'retry'],
    ['cannot say', 'rejects'],
  ])('has an entry tried again, beyond its retries, as long as it %s', async (_, verdict) => {
    await start(verdict);
    await addOrders(redis, stream, ['42']);
    await eventually(() => asked[2]);
    failing = false;
    await nothingPending();
    await eventually(() => running.told.processed[0]);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });

  it('has a duplicate acknowledged, which leaves no dead letter', async () => {
    await start('acknowledge');
    const [entryId] = await addOrders(redis, stream, ['42']);
    await nothingPending();
    await eventually(() => running.told.duplicate[0]);
    expect(running.told.duplicate).toMatchObject([{ entryId }]);
    expect(running.told['dead-lettered']).toEqual([]);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });

  it('has an abandoned entry run once more', async () => {
    const entryId = await abandonedAlone();
    failing = false;
    await start('retry');
    await nothingPending();
    expect(asked).toEqual([{ entryId, reason: 'abandoned' }]);
    await eventually(() => running.told.processed[0]);
    expect(running.told.processed).toMatchObject([{ entryId, deliveryCount: 5 }]);
  });

  it('leaves an abandoned entry as it is while it cannot say', async () => {
    const entryId = await abandonedAlone();
    await start('rejects', 'rejects', 'dead-letter');
    await nothingPending();
    expect(asked).toHaveLength(3);
    expect(running.told.received).toEqual([]);
    await eventually(() => running.told['dead-lettered'][0]);
    expect(running.told['dead-lettered']).toMatchObject([{ entryId, reason: 'abandoned' }]);
  });

  it('has an abandoned duplicate acknowledged', async () => {
    await abandonedAlone();
    await start('acknowledge');
    await nothingPending();
    await eventually(() => running.told.duplicate[0]);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });

  it('decides of an entry that was deleted under its handler, which cannot be tried again', async () => {
    beforeFailing = (entryId) => redis.xdel(stream, entryId);
    await start('retry', 'rejects', 'dead-letter');
    await addOrders(redis, stream, ['42']);
    await eventually(() => running.told['dead-lettered'][0]);
    expect(running.told['dead-lettered']).toMatchObject([{ reason: 'vanished' }]);
    expect(asked.map(({ reason }) => reason)).toEqual(['vanished', 'vanished', 'vanished']);
    await nothingPending();
  });
});
