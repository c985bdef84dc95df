import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import {
  endServices,
  startService,
  type LogRecord,
  type ProcessEnd,
  type Service,
} from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const BACKLOG = 4000;

describe('the end of the service', () => {
  let redis: Redis;
  let stream: string;
  let env: Record<string, string>;

  beforeEach(() => {
    redis = new Redis(sharedRedisUrl());
    stream = uniqueName('orders');
    env = { REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream, GROUP_NAME: 'g', SHUTDOWN_GRACE_MS: '5000' };
  });

  afterEach(async () => {
    await endServices();
    redis.disconnect();
  });

  /** Resolves with the ids of the entries, in the order of their numbers. */
  async function addBacklog(): Promise<string[]> {
    const pipeline = redis.pipeline();
    for (let i = 0; i < BACKLOG; i += 1) pipeline.xadd(stream, '*', 'orderId', `o-${i}`, 'retry', '0');
    return ((await pipeline.exec()) ?? []).map(([, id]) => id as string);
  }

  /** For each order of the backlog, whether it was processed. */
  async function processed(): Promise<boolean[]> {
    const pipeline = redis.pipeline();
    for (let i = 0; i < BACKLOG; i += 1) pipeline.hexists(`{${stream}}:order:o-${i}`, 'outcome');
    return ((await pipeline.exec()) ?? []).map(([, exists]) => exists === 1);
  }

  const allProcessed = async () => ((await processed()).every(Boolean) ? true : undefined);

  async function pendingRows(): Promise<
    [id: string, consumer: string, idleMs: number, deliveries: number][]
  > {
    return (await redis.xpending(stream, 'g', '-', '+', BACKLOG)) as [string, string, number, number][];
  }

  async function pending(): Promise<Set<string>> {
    return new Set((await pendingRows()).map(([id]) => id));
  }

  async function unread(): Promise<Set<string>> {
    const [group] = (await redis.xinfo('GROUPS', stream)) as string[][];
    const last = group?.[group.indexOf('last-delivered-id') + 1] ?? '';
    const entries = await redis.xrange(stream, `(${last}`, '+');
    return new Set(entries.map(([id]) => id));
  }

  /** Entries that nobody will ever process: settled although their order was not processed. */
  async function lost(ids: readonly string[]): Promise<string[]> {
    const [done, held, waiting] = await Promise.all([processed(), pending(), unread()]);
    return ids.filter((id, i) => !done[i] && !held.has(id) && !waiting.has(id));
  }

  const saying = ({ records }: Pick<Service, 'records'>, message: string): LogRecord[] =>
    records.filter((record) => record.message === message);

  const busy = (service: Service) =>
    eventually(() => (saying(service, 'Order processed').length > 100 ? true : undefined), { intervalMs: 1 });

  it('by SIGTERM under load is clean, hands back what was not started, and loses and doubles nothing', async () => {
    const ids = await addBacklog();
    const first = await startService(env);
    await busy(first);
    const start = performance.now();
    const { code } = await first.end('SIGTERM');
    expect(performance.now() - start).toBeLessThan(6000);
    expect(code).toBe(0);
    const handedBack = (await pendingRows()).map(([, consumer, , deliveries]) => ({ consumer, deliveries }));
    expect(handedBack).toEqual(handedBack.map(() => ({ consumer: '@retry', deliveries: 0 })));
    expect((await unread()).size).toBeGreaterThan(0);
    expect(await lost(ids)).toEqual([]);

    const second = await startService(env);
    await eventually(allProcessed);
    await eventually(async () => ((await pending()).size === 0 ? true : undefined));
    await second.end('SIGTERM');
    for (const message of ['Order received', 'Order processed']) {
      const told = [first, second].flatMap((service) => saying(service, message));
      expect(told.map(({ entryId }) => String(entryId)).sort()).toEqual([...ids].sort());
      expect(told.filter(({ retry }) => retry !== 0)).toEqual([]);
    }
  });

  it('by kill -9 under load loses nothing: what was not processed is pending or unread', async () => {
    const ids = await addBacklog();
    const service = await startService(env);
    await busy(service);
    const { signal } = await service.end('SIGKILL');
    expect(signal).toBe('SIGKILL');

    expect((await pending()).size).toBeGreaterThan(0);
    expect(await lost(ids)).toEqual([]);
  });

  it('by SIGINT is clean', async () => {
    const service = await startService(env);
    expect(await service.end('SIGINT')).toMatchObject({ code: 0 });
    expect(saying(service, 'Stopped')).toHaveLength(1);
  });

  it('is not held up by a caller who never finishes a request', async () => {
    const service = await startService(env);
    const caller = await halfRequest(service);
    const { code } = await service.end('SIGTERM');
    caller.destroy();
    expect(code).toBe(0);
  });

  it('is at once on a second signal', async () => {
    const service = await startService(env);
    const caller = await halfRequest(service);
    service.signal('SIGTERM');
    await eventually(() => saying(service, 'Stopping')[0]);
    let end: ProcessEnd | undefined;
    void service.ended.then((ended) => (end = ended));
    const { code } = await eventually(
      () => {
        service.signal('SIGTERM');
        return end;
      },
      { intervalMs: 100 },
    );
    caller.destroy();
    expect(code).toBe(143);
  });

  async function halfRequest({ url }: Service) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const request =
      'POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n';
    socket.write(`${request}Content-Length: 100\r\n\r\n`);
    // The answer "100 Continue" says that the service has the request and waits for its body.
    await new Promise((resolve) => socket.once('data', resolve));
    return socket;
  }
});
