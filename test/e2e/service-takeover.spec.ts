import { Redis } from 'ioredis';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { get } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const BACKLOG = 3000;
const ACK_WAIT_MS = 1000;
const RECOVERY_INTERVAL_MS = 200;

describe('two processes of the service, one of which is killed', () => {
  let redis: Redis;
  const stream = uniqueName('orders');

  beforeAll(() => {
    redis = new Redis(sharedRedisUrl());
  });

  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });

  const start = (name: string) =>
    startService({
      REDIS_URL: sharedRedisUrl(),
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
    const rows = (await redis.xpending(stream, 'g', '-', '+', BACKLOG)) as [string, string][];
    return rows.filter(([, consumer]) => consumer.startsWith(prefix)).map(([id]) => id);
  }

  it('the other finishes what it held within ack wait + interval + 1 s, each order once', async () => {
    const [victim, survivor] = await Promise.all([start('victim'), start('survivor')]);
    const pipeline = redis.pipeline();
    for (let i = 0; i < BACKLOG; i += 1) pipeline.xadd(stream, '*', 'orderId', `o-${i}`, 'retry', '0');
    await pipeline.exec();
    await eventually(() => (saying(victim, 'Order processed').length > 50 ? true : undefined), {
      intervalMs: 1,
    });
    await victim.end('SIGKILL');
    const killedAt = performance.now();
    const held = await pendingOf('victim');
    expect(held.length).toBeGreaterThan(0);

    await eventually(async () => ((await pendingOf('victim')).length === 0 ? true : undefined));
    await eventually(async () => ((await pendingOf('')).length === 0 ? true : undefined));
    expect(performance.now() - killedAt).toBeLessThan(ACK_WAIT_MS + RECOVERY_INTERVAL_MS + 1000);

    const effects = [victim, survivor].flatMap((service) => saying(service, 'Order processed'));
    const perOrder = new Set(effects.map(({ orderId }) => orderId));
    expect(perOrder.size).toBe(effects.length);
    const outcomes = redis.pipeline();
    for (let i = 0; i < BACKLOG; i += 1) outcomes.hget(`{${stream}}:order:o-${i}`, 'outcome');
    const states = ((await outcomes.exec()) ?? []).map(
      ([, text]) => (JSON.parse(String(text)) as OrderView).state,
    );
    expect(states).toEqual(Array.from({ length: BACKLOG }, () => 'processed'));
    expect(await redis.exists(`${stream}.DLT`)).toBe(0);

    const reclaimed = saying(survivor, 'Order reclaimed');
    expect(reclaimed.map(({ entryId }) => entryId).sort()).toEqual(held.sort());
    const [one] = reclaimed;
    expect(one).toMatchObject({ owner: expect.stringMatching(/^victim-/) as string });
    const { body } = await get<OrderView>(`${survivor.url}/orders/${String(one?.orderId)}`);
    expect(body).toMatchObject({ state: 'processed', entryId: one?.entryId });
  }, 60_000);
});
