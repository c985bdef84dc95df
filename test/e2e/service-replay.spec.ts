import { Redis } from 'ioredis';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { get, post, send, type ErrorBody } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

interface Item {
  id: string;
  originalId: string;
  orderId?: string;
  reason: string;
  payload?: unknown;
  fields: Record<string, unknown>;
  replays: number;
}

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

describe('an operator', () => {
  const stream = uniqueName('orders');
  let redis: Redis;
  let service: Service;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    service = await startService({
      REDIS_URL: sharedRedisUrl(),
      STREAM_KEY: stream,
      FAIL_ORDER_PREFIX: 'fail-',
      MAX_RETRIES: '0',
      RECOVERY_INTERVAL_MS: '50',
    });
  });

  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });

  const route = (path: string) => `${service.url}/dead-letters${path}`;

  const order = async (orderId: string) => (await get<OrderView>(`${service.url}/orders/${orderId}`)).body;

  const list = async (query = '') => (await get<Page<Item>>(route(query))).body;

  const letterOf = (orderId: string) => eventually(async () => (await list(`?orderId=${orderId}`)).items[0]);

  const place = (orderId: string) => post<{ entryId: string }>(`${service.url}/orders`, { orderId });

  it('finds a dead letter, sees it whole, and puts it back', async () => {
    const placed = await place('fail-1');
    const letter = await letterOf('fail-1');
    expect(letter).toMatchObject({
      ...{ stream, originalId: placed.body.entryId, orderId: 'fail-1', reason: 'retries-exhausted' },
      ...{ retry: 0, deliveryCount: 1, replays: 0, payload: { orderId: 'fail-1' } },
      exception: { name: 'DemonstrationFailure', stacktrace: expect.stringContaining('at ') as string },
      fields: expect.objectContaining({ data: '{"orderId":"fail-1"}' }) as object,
    });
    const detail = await get(route(`/${letter.id}`));
    expect(detail.body).toMatchObject({ id: letter.id, rawPayload: '{"orderId":"fail-1"}', history: [] });

    const replayed = await post<{ entryId: string }>(route(`/${letter.id}/replay`), {});
    expect(replayed).toMatchObject({
      status: 200,
      body: { entryId: expect.stringMatching(/^\d+-\d+$/) as string },
    });
    const { entryId } = replayed.body;
    const again = await post<ErrorBody>(route(`/${letter.id}/replay`), {});
    expect(again).toMatchObject({ status: 409, body: { statusCode: 409, error: 'Conflict', entryId } });

    const failedAgain = await letterOf('fail-1');
    expect(failedAgain).toMatchObject({ replays: 1, originalId: entryId });
    expect((await get(route(`/${failedAgain.id}`))).body).toMatchObject({
      history: [{ originalId: placed.body.entryId, deadLetterId: letter.id, entryId }],
    });
    expect(await order('fail-1')).toMatchObject({
      ...{ state: 'dead-lettered', replays: 1, entryId, deadLetterId: failedAgain.id },
    });
  });

  it('puts one back with another payload, and the order is processed', async () => {
    const id = await redis.xadd(stream, '*', 'data', '{"orderId":"edit-1","amount":-1}');
    const letter = await letterOf('edit-1');
    expect(letter.originalId).toBe(id);
    const payload = { orderId: 'edit-1', amount: 1 };
    const replayed = await post<{ entryId: string }>(route(`/${letter.id}/replay`), {
      payload,
      reason: 'typing error',
    });
    const processed = await eventually(async () => {
      const found = await order('edit-1');
      return found.state === 'processed' ? found : undefined;
    });
    expect(processed).toMatchObject({ entryId: replayed.body.entryId, replays: 1 });
    const audit = await get<Page<object>>(route('/audit?limit=1'));
    expect(audit.body.items).toEqual([
      expect.objectContaining({
        ...{ action: 'edit-and-replay', by: 'loopback' },
        details: expect.objectContaining({
          ...{ reason: 'typing error', deadLetterId: letter.id, entryId: replayed.body.entryId },
          ...{ payloadBefore: '{"orderId":"edit-1","amount":-1}', payloadAfter: JSON.stringify(payload) },
        }) as object,
      }),
    ]);
  });

  it('leaves an order alone that ended otherwise when a duplicate of it goes back', async () => {
    await place('twice-1');
    await eventually(async () => ((await order('twice-1')).state === 'processed' ? true : undefined));
    await redis.xadd(stream, '*', 'data', '{"orderId":"twice-1","admin":true}');
    const letter = await letterOf('twice-1');
    expect((await post(route(`/${letter.id}/replay`), {})).status).toBe(200);
    await eventually(async () => ((await letterOf('twice-1')).replays === 1 ? true : undefined));
    expect(await order('twice-1')).toMatchObject({ state: 'processed', attempts: 1 });
    expect(await order('twice-1')).not.toHaveProperty('replays');
  });

  it('puts one back whose record holds something else, and one whose order is forgotten', async () => {
    for (const orderId of ['fail-record', 'fail-forgotten']) await place(orderId);
    const [letter, other] = [await letterOf('fail-record'), await letterOf('fail-forgotten')];
    await redis.del(`{${stream}}:order:fail-record`, `{${stream}}:order:fail-forgotten`);
    await redis.set(`{${stream}}:order:fail-record`, 'text');
    expect((await post(route(`/${letter.id}/replay`), {})).status).toBe(200);
    expect((await post(route(`/${other.id}/replay`), {})).status).toBe(200);
  });

  it('discards one with a reason, which stays in the audit', async () => {
    await place('fail-2');
    const { id } = await letterOf('fail-2');
    expect(await send<ErrorBody>('DELETE', route(`/${id}`))).toMatchObject({ status: 400 });
    expect((await send('DELETE', route(`/${id}?reason=a%20test%20order`))).status).toBe(204);
    expect((await send('DELETE', route(`/${id}`), { reason: 'again' })).status).toBe(409);
    expect((await post(route(`/${id}/replay`), {})).status).toBe(409);
    expect((await get(route(`/${id}`))).status).toBe(404);
    const { items } = (await get<Page<object>>(route('/audit?limit=1'))).body;
    expect(items).toMatchObject([{ action: 'discard', by: 'loopback', details: { reason: 'a test order' } }]);
  });

  it('pages through all of them once, by filter and by time', async () => {
    const made: string[] = [];
    for (let i = 0; i < 25; i += 1) {
      const data = i % 5 === 0 ? Buffer.from([0xff]) : `{"orderId":"page-${i % 2}","admin":1}`;
      made.push((await redis.xadd(stream, '*', 'data', data)) ?? '');
    }
    await eventually(async () =>
      (await list('?limit=500')).items.filter(({ originalId }) => made.includes(originalId)).length === 25
        ? true
        : undefined,
    );
    const walk = async (filter: string) => {
      const found: Item[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: Page<Item> = await list(`?limit=4${filter}${cursor && `&cursor=${cursor}`}`);
        found.push(...page.items);
        cursor = page.nextCursor;
      }
      return found.filter(({ originalId }) => made.includes(originalId));
    };
    const all = await walk('');
    expect(all.map(({ originalId }) => originalId).sort()).toEqual([...made].sort());
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort(byId)
        .reverse(),
    );
    expect(await walk('&orderId=page-1')).toHaveLength(10);
    const malformed = await walk('&reason=malformed');
    expect(malformed).toHaveLength(5);
    expect(malformed[0]).not.toHaveProperty('payload');
    expect(malformed[0]?.fields).toMatchObject({ data: { base64: '/w==' } });
    const [ms] = (all[10]?.id ?? '').split('-').map(Number);
    const bound = new Date(ms ?? 0).toISOString();
    const since = await walk(`&since=${bound}`);
    const until = await walk(`&until=${bound}`);
    const inBoth = all.filter(({ id }) => Number(id.split('-')[0]) === ms).length;
    expect(since.length + until.length).toBe(25 + inBoth);
  });

  it.each([
    ['limit=0', 400],
    ['limit=501', 400],
    ['limit=ten', 400],
    ['cursor=abc', 400],
    ['cursor=99999999999999999999-0', 400],
    ['since=yesterday', 400],
    ['since=20260131', 400],
    ['until=2026-W05', 400],
    ['reason=Malformed%20', 400],
    ['orderId=a%20b', 400],
    ['colour=red', 400],
  ])('is told what is wrong with ?%s', async (query, status) => {
    const answer = await get<ErrorBody>(route(`?${query}`));
    expect(answer).toMatchObject({ status, body: { statusCode: 400, error: 'Bad Request' } });
    expect(answer.body.message).toContainEqual(expect.stringContaining(query.split('=')[0] ?? ''));
  });

  it.each(['1-1', 'abc', '18446744073709551616-0', '1'])('is told that %s never was', async (id) => {
    expect((await get(route(`/${id}`))).status).toBe(404);
    expect((await post(route(`/${id}/replay`), {})).status).toBe(404);
    expect((await send('DELETE', route(`/${id}?reason=x`))).status).toBe(404);
  });
});

function byId(one: string, other: string): number {
  const [a = [], b = []] = [one, other].map((id) => id.split('-').map(Number));
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0);
}
