import type { StreamsSnapshot } from '../../src/operations/streams/streams-snapshot.js';
import { eventually } from '../support/eventually.js';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { get, post, type ErrorBody } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService } from '../support/service.js';

describe('GET /streams', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis({ kind: 'process' });
  });

  afterAll(async () => {
    await endServices();
    await redis.stop();
  });

  it('shows streams, groups, consumers and dead letters, and answers 503 without Redis', async () => {
    const env = {
      FAIL_ORDER_PREFIX: 'fail-',
      MAX_RETRIES: '1',
      BACKOFF_INITIAL_MS: '0',
      BACKOFF_MAX_MS: '0',
    };
    const service = await startService({ REDIS_URL: redis.url, CONSUMER_NAME: 'web', ...env });
    const streams = async () => get<StreamsSnapshot & ErrorBody>(`${service.url}/streams`);
    for (const orderId of ['1', '2', 'fail-3']) await post(`${service.url}/orders`, { orderId });
    const direct = openRedis(redis.url);
    await direct.xadd('orders.processed', '*', 'data', '{}');
    direct.disconnect();

    await eventuallyPasses(async () => {
      const { status, body } = await streams();
      expect(status).toBe(200);
      expect(body.group).toBe('order-group');
      expect(Date.parse(body.at)).not.toBeNaN();
      expect(body.streams.map(({ stream, role }) => [stream, role])).toEqual([
        ['orders', 'input'],
        ['orders.DLT', 'dead-letters'],
        ['orders.processed', 'output'],
      ]);
      const [orders, letters] = body.streams;
      expect(orders).toMatchObject({ state: 'present', length: 3, deadLetters: 1 });
      expect(orders?.groups).toMatchObject([{ group: 'order-group', lag: 0, pending: 0, waiting: 0 }]);
      expect(orders?.groups[0]?.consumers).toMatchObject([
        { consumer: expect.stringMatching(/^web-/) as string, pending: 0, hot: false },
      ]);
      expect(letters).toMatchObject({ state: 'present', length: 1, groups: [] });
      expect(letters).not.toHaveProperty('deadLetters');
    });

    await redis.kill();
    const { body } = await eventually(async () => {
      const answer = await streams();
      return answer.status === 503 ? answer : undefined;
    });
    expect(body).toMatchObject({ statusCode: 503, error: 'Service Unavailable' });
  });
});
