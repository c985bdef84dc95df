import { loadFunctions } from '../../src/transport/index.js';
import { RestrictedRedis, until, untilPinged, usersOfFile, type Flow } from '../support/acl.js';
import { get, post, send } from '../support/http.js';
import { endServices, runService, startService } from '../support/service.js';

const users = usersOfFile();
const NONE = { keys: [], commands: [] };
const service = users.get('service') ?? NONE;
const others = ['consumer', 'operator'].flatMap((user) => {
  const { keys, commands } = users.get(user) ?? NONE;
  return [...keys.filter((key) => key !== '~{orders}:@*'), ...commands];
});
const rights = [...service.keys, ...service.commands];

let redis: RestrictedRedis;

beforeAll(async () => {
  redis = await RestrictedRedis.start();
  await loadFunctions({ url: redis.url('deploy') });
});
afterAll(async () => {
  await endServices();
  await redis.stop();
});

interface Order {
  readonly state: string;
  readonly deadLetterId?: string;
}

/** What the dashboard shows first. */
async function firstEvent(url: string): Promise<unknown> {
  const { body } = await fetch(url);
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const data = /^data: (.*)\n/m.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data);
  }
  throw new Error(`${url} ended without an event: ${text}`);
}

/** The whole service: orders processed, dead-lettered, replayed, discarded, and everything looked at. */
const serve: Flow = async (scene) => {
  const running = await startService({
    ...{ REDIS_URL: scene.url, STREAM_KEY: scene.stream, FAIL_ORDER_PREFIX: 'fail-', MAX_RETRIES: '1' },
    ...{ BACKOFF_INITIAL_MS: '10', RECOVERY_INTERVAL_MS: '25' },
  });
  const { url } = running;
  const order = async (id: string): Promise<Order> => (await get<Order>(`${url}/orders/${id}`)).body;
  const deadLetterOf = async (id: string, except?: string): Promise<string> => {
    let found: string | undefined;
    await until(scene, async () => {
      const { state, deadLetterId } = await order(id);
      found = deadLetterId;
      expect([state, deadLetterId === except]).toEqual(['dead-lettered', false]);
    });
    return found ?? '';
  };
  try {
    await until(scene, async () => expect((await get(`${url}/health/ready`)).status).toBe(200));
    for (const orderId of ['good', 'fail-1']) {
      expect((await post(`${url}/orders`, { orderId })).status).toBe(202);
    }
    await until(scene, async () => expect(await order('good')).toMatchObject({ state: 'processed' }));
    const first = await deadLetterOf('fail-1');
    expect((await get(`${url}/dead-letters/${first}`)).status).toBe(200);
    expect((await post(`${url}/dead-letters/${first}/replay`, {})).status).toBeLessThan(300);
    const second = await deadLetterOf('fail-1', first);
    const discarded = await send('DELETE', `${url}/dead-letters/${second}`, { reason: 'test' });
    expect(discarded.status).toBeLessThan(300);
    for (const path of ['streams', 'dead-letters']) {
      expect((await get(`${url}/${path}`)).status).toBe(200);
    }
    expect(await firstEvent(`${url}/events`)).toMatchObject({
      waiting: [{ stream: scene.stream, count: 0 }],
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('order_streams_dead_letters');
    await untilPinged(scene);
  } finally {
    await running.end('SIGTERM');
  }
};

it('does all that it is for with the rights of its user, and Redis refuses it nothing', async () => {
  const { signal } = new AbortController();
  await serve({ url: redis.url('service'), stream: 'orders', admin: redis.admin, signal });
  expect(await redis.denialsOf('service')).toEqual([]);
});

it('has the rights of a consumer and of an operator', () => {
  expect(rights).toEqual(expect.arrayContaining(others));
});

/** What processes tell each other for the charts; without these rights each shows its own alone. */
const OF_THE_DASHBOARD = ['&{orders}:@dashboard', '+publish', '+subscribe'];

it('has no further right that it does not need', async () => {
  const own = rights.filter((right) => !others.includes(right) && !OF_THE_DASHBOARD.includes(right));
  const missed = await Promise.all(own.map((right) => redis.isMissed(serve, service, right)));
  expect(own.filter((_, index) => !missed[index])).toEqual([]);
});

it('says what to do when the function library is not there', async () => {
  await redis.admin.function('FLUSH');
  const { code, output } = await runDeploy('health');
  expect([code, output]).toEqual([1, expect.stringContaining('+function|load')]);
  expect(await runDeploy('deploy')).toMatchObject({ code: 0 });
  expect(await redis.admin.function('LIST')).toHaveLength(1);
});

const runDeploy = (user: string): ReturnType<typeof runService> =>
  runService({ REDIS_URL: redis.url(user) }, 'dist/deploy/main.js');
