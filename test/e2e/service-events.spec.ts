import type { DashboardState } from '../../src/operations/dashboard/dashboard-state.js';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { post } from '../support/http.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService } from '../support/service.js';

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

describe('GET /events', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis({ kind: 'process' });
  });

  afterEach(endServices);

  afterAll(() => redis.stop());

  it('tells what every process did, before anybody looked as well, and ends with its own', async () => {
    const env = { REDIS_URL: redis.url, FAIL_ORDER_PREFIX: 'fail-', MAX_RETRIES: '1', BACKOFF_MAX_MS: '1' };
    const worker = await startService({ ...env, BACKOFF_INITIAL_MS: '1' });
    for (const orderId of ['1', '2', '3', 'fail-4']) await post(`${worker.url}/orders`, { orderId });
    const other = await startService({ ...env, BACKOFF_INITIAL_MS: '1' });
    const events = await follow(`${other.url}/events`);
    await eventuallyPasses(() => {
      const { history } = events.last();
      expect([history.handled, history.retried, history.deadLettered].map(sum)).toEqual([3, 1, 1]);
    });
    expect(events.last()).toMatchObject({ group: 'order-group', job: null, waiting: [{ count: 0 }] });
    expect((await other.end('SIGTERM')).code).toBe(0);
    await events.ended;
  });

  it('says that Redis is away, and goes on when it is back', async () => {
    const service = await startService({ REDIS_URL: redis.url });
    const events = await follow(`${service.url}/events`);
    await redis.kill();
    await eventuallyPasses(() => expect(events.last()).toHaveProperty('problem'));
    await redis.restart();
    await eventuallyPasses(() => expect(events.last()).toHaveProperty('streams'));
  });
});

/** Follows server-sent events; `ended` resolves when the service ends them in order. */
async function follow(url: string): Promise<{ last: () => DashboardState; ended: Promise<void> }> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let last: DashboardState | undefined;
  const read = async (): Promise<void> => {
    let text = '';
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (text + part).split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = event.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) last = JSON.parse(data.slice('data: '.length)) as DashboardState;
      }
    }
  };
  const ended = read();
  ended.catch(() => undefined);
  return {
    last: () => {
      if (!last) throw new Error('No event has come yet');
      return last;
    },
    ended,
  };
}
