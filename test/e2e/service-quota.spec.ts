import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { ErrorBody } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService, type Service } from '../support/service.js';

const OTHER_ADDRESS = '127.0.0.2';
/** What Redis has room for, and a caller who places several times that. */
const ROOM_BYTES = 6_000_000;
const QUOTA_BYTES = 600_000;
const LARGE_ORDERS = 300;
const LARGE = { items: Array.from({ length: 380 }, () => ({ sku: 'x'.repeat(128), quantity: 1 })) };
const LARGE_BYTES = JSON.stringify(LARGE).length;

interface Sent {
  readonly order: object;
  readonly from?: string;
  readonly headers?: Record<string, string>;
  readonly isPacked?: boolean;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: ErrorBody;
}

describe('A Redis with little room behind a service', () => {
  let redis: TestRedis;
  let service: Service;

  const start = async (env: Record<string, string>): Promise<void> => {
    redis = await startRedis();
    const client = openRedis(redis.url);
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', used + ROOM_BYTES, 'maxmemory-policy', 'noeviction');
    client.disconnect();
    service = await startService({ REDIS_URL: redis.url, ...env });
  };
  const place = ({ order, from = '127.0.0.1', headers = {}, isPacked = false }: Sent): Promise<Answer> => {
    const body = isPacked ? gzipSync(JSON.stringify(order)) : JSON.stringify(order);
    const packed: Record<string, string> = isPacked ? { 'content-encoding': 'gzip' } : {};
    return new Promise((resolve, reject) => {
      request(`${service.url}/orders`, {
        ...{ method: 'POST', localAddress: from, agent: false },
        headers: { 'content-type': 'application/json', ...packed, ...headers },
      })
        .on('error', reject)
        .on('response', (response) => {
          const { statusCode: status = 0, headers: said } = response;
          json(response).then(
            (answer) => resolve({ status, retryAfter: said['retry-after'], body: answer as ErrorBody }),
            reject,
          );
        })
        .end(body);
    });
  };
  const placeMany = async (sent: Sent): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let i = 0; i < LARGE_ORDERS / 10; i += 1) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, () => place(sent)))));
    }
    return answers;
  };

  afterEach(async () => {
    await endServices();
    await redis.stop();
  });

  it('has room for others when a caller has a quota of bytes, however the caller packs them', async () => {
    await start({ QUOTA_BYTES: String(QUOTA_BYTES) });
    for (const isPacked of [false, true]) {
      const answers = await placeMany({ order: LARGE, isPacked });
      const taken = answers.filter(({ status }) => status === 202).length;
      expect(taken).toBe(isPacked ? 0 : Math.floor(QUOTA_BYTES / LARGE_BYTES));
      const refused = answers.find(({ status }) => status === 429);
      expect(Number(refused?.retryAfter)).toBeGreaterThan(0);
      expect(refused?.body.message).toMatch(/bytes of orders .*: try again in \d+ s$/);
      expect(answers.every(({ status }) => status === 202 || status === 429)).toBe(true);
    }
    expect((await place({ order: {}, from: OTHER_ADDRESS })).status).toBe(202);
    // What a header says of the address is not believed.
    const forged = await place({ order: LARGE, headers: { 'x-forwarded-for': '192.0.2.7' } });
    expect(forged.status).toBe(429);
  });

  it('goes by the address that a trusted proxy names', async () => {
    await start({ QUOTA_BYTES: String(LARGE_BYTES), TRUST_PROXY: '127.0.0.0/8' });
    const from = (address: string): Promise<Answer> =>
      place({ order: LARGE, headers: { 'x-forwarded-for': address } });
    expect((await from('192.0.2.7')).status).toBe(202);
    expect((await from('192.0.2.7')).status).toBe(429);
    expect((await from('192.0.2.8')).status).toBe(202);
  });

  it('does not count what was not accepted, and says when an order can never be', async () => {
    await start({ QUOTA_BYTES: String(LARGE_BYTES) });
    for (let i = 0; i < 3; i += 1) {
      expect((await place({ order: { ...LARGE, items: [{ sku: '' }] } })).status).toBe(400);
    }
    const larger = await place({ order: { ...LARGE, customerId: 'a customer' } });
    expect(larger).toMatchObject({ status: 413, body: { error: 'Payload Too Large' } });
    expect(larger.body.message).toContain(`an address may place ${LARGE_BYTES} in all`);
    expect((await place({ order: LARGE })).status).toBe(202);
  });
});
