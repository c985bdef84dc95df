import { Redis } from 'ioredis';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { get } from '../support/http.js';
import { fieldsOf } from '../support/original-fields.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

/** A database writes to disk for each order. */
const BACKLOG = { Redis: 3000, PostgreSQL: 600 };
const ACK_WAIT_MS = 1000;
const RECOVERY_INTERVAL_MS = 200;

describe.each(['Redis', 'PostgreSQL'] as const)(
  'two processes with their orders in %s, one of which is killed',
  (kind) => {
    const backlog = BACKLOG[kind];
    let redis: Redis;
    let postgres: TestPostgres | undefined;
    const stream = uniqueName('orders');

    beforeAll(async () => {
      redis = new Redis(sharedRedisUrl());
      if (kind === 'PostgreSQL') postgres = await startPostgres();
    });

    afterAll(async () => {
      await endServices();
      redis.disconnect();
      await postgres?.stop();
    });

    const start = (name: string) =>
      startService({
        REDIS_URL: sharedRedisUrl(),
        ...(postgres && { DATABASE_URL: postgres.url }),
        STREAM_KEY: stream,
        GROUP_NAME: 'g',
        CONSUMER_NAME: name,
        ACK_WAIT_MS: String(ACK_WAIT_MS),
        RECOVERY_INTERVAL_MS: String(RECOVERY_INTERVAL_MS),
        MAX_IN_FLIGHT: '8',
      });

    const saying = ({ records }: Service, message: string) =>
      records.filter((record) => record.message === message);

    async function pendingOf(prefix: string): Promise<string[]> {
      const rows = (await redis.xpending(stream, 'g', '-', '+', backlog)) as [string, string][];
      return rows.filter(([, consumer]) => consumer.startsWith(prefix)).map(([id]) => id);
    }

    it('the other finishes what it held, each order once', async () => {
      const [victim, survivor] = await Promise.all([start('victim'), start('survivor')]);
      const pipeline = redis.pipeline();
      for (let i = 0; i < backlog; i += 1) pipeline.xadd(stream, '*', 'orderId', `o-${i}`, 'retry', '0');
      await pipeline.exec();
      await eventually(() => (saying(victim, 'Order processed').length > 50 ? true : undefined), {
        intervalMs: 1,
      });
      await victim.end('SIGKILL');
      const held = await pendingOf('victim');
      expect(held.length).toBeGreaterThan(0);

      await eventually(async () => ((await pendingOf('victim')).length === 0 ? true : undefined));
      await eventually(async () =>
        (await redis.xlen(`${stream}.processed`)) === backlog ? true : undefined,
      );
      await eventually(async () => ((await pendingOf('')).length === 0 ? true : undefined));

      const effects = [victim, survivor].flatMap((service) => saying(service, 'Order processed'));
      const perOrder = new Set(effects.map(({ orderId }) => orderId));
      expect(perOrder.size).toBe(effects.length);
      const told = (await redis.xrange(`${stream}.processed`, '-', '+')).map(
        ([, fields]) => (JSON.parse(fieldsOf(fields).data ?? '{}') as OrderView).orderId,
      );
      expect(told.sort()).toEqual(Array.from({ length: backlog }, (_, i) => `o-${i}`).sort());
      expect(await redis.exists(`${stream}.DLT`)).toBe(0);

      const reclaimed = saying(survivor, 'Order reclaimed');
      expect(reclaimed.map(({ entryId }) => entryId).sort()).toEqual(held.sort());
      const [one] = reclaimed;
      expect(one).toMatchObject({ owner: expect.stringMatching(/^victim-/) as string });
      const { body } = await get<OrderView>(`${survivor.url}/orders/${String(one?.orderId)}`);
      expect(body).toMatchObject({ state: 'processed', entryId: one?.entryId });
    });
  },
);
