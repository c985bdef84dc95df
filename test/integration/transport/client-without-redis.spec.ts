import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  EmitQueueFullError,
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  RedisUnavailableError,
  type RedisStreamsClientOptions,
} from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

let redis: TestRedis;
let proxy: TcpProxy;
let client: RedisStreamsClient;
beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
});
beforeEach(async () => {
  proxy = await startProxy(redis.host, redis.port);
  client = clientWith({});
});
afterEach(async () => {
  await client.close();
  await proxy.stop();
});
afterAll(() => redis.stop());

function clientWith(options: Partial<RedisStreamsClientOptions>): RedisStreamsClient {
  const connection = { url: `redis://127.0.0.1:${proxy.port}` };
  return new RedisStreamsClient({ connection, streams: { orders: uniqueName('orders') }, ...options });
}

const emit = (payload: unknown = {}) => firstValueFrom(client.emit<string>('orders', payload));

async function fails(attempt: Promise<unknown>, withinMs = 10_000): Promise<RedisUnavailableError> {
  const began = performance.now();
  const error = await attempt.catch((thrown: unknown) => thrown);
  expect(performance.now() - began).toBeLessThan(withinMs);
  expect(error).toBeInstanceOf(RedisUnavailableError);
  return error as RedisUnavailableError;
}

const FAULTS: [string, () => unknown, () => unknown][] = [
  ['refuses connections', () => proxy.refuse(), () => proxy.heal()],
  ['is silent', () => proxy.blackhole(), () => proxy.heal()],
  ['was killed', () => redis.kill(), () => redis.restart()],
];

it.each(FAULTS)(
  'emit fails soon when Redis %s, and works again with the same client',
  async (_, harm, mend) => {
    await emit();
    await harm();
    await fails(emit());
    await mend();
    await eventuallyPasses(() => emit());
  },
);

it.each(FAULTS)(
  'a client that is made while Redis %s fails alike, and works afterwards',
  async (_, harm, mend) => {
    client = clientWith({ emitTimeoutMs: 500 });
    await harm();
    expect((await fails(emit())).mayBeThere).toBe(false);
    await fails(client.connect());
    await mend();
    await eventuallyPasses(() => emit());
  },
);

it('says that the entry may be there when the link was lost behind it', async () => {
  client = clientWith({ emitTimeoutMs: 500 });
  await emit();
  proxy.blackhole();
  expect((await fails(emit())).mayBeThere).toBe(true);
  await proxy.heal();
});

async function isRefusedAtOnce(limit: EmitQueueFullError['limit'], payload: unknown = {}): Promise<void> {
  const error: unknown = await emit(payload).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EmitQueueFullError);
  expect(error).toMatchObject({ limit, mayBeThere: false });
  expect((error as Error).message).toContain(limit);
}

it('takes a bounded number of emits while Redis is unavailable, and refuses one more', async () => {
  client = clientWith({ maxPendingEmits: 5, emitTimeoutMs: 1_000 });
  await client.connect();
  await proxy.refuse();
  await eventuallyPasses(() => expect(client.unwrap<Redis>().status).toBe('reconnecting'));
  const waiting = Array.from({ length: 5 }, () => emit().catch((error: unknown) => error));
  await isRefusedAtOnce('maxPendingEmits');
  await Promise.all(waiting);
  await proxy.heal();
  await eventuallyPasses(() => emit());
});

it('bounds the emits that wait for the first connection too', async () => {
  client = clientWith({ maxPendingEmits: 5, emitTimeoutMs: 1_000 });
  await proxy.refuse();
  await fails(client.connect());
  const waiting = Array.from({ length: 5 }, () => emit().catch((error: unknown) => error));
  await isRefusedAtOnce('maxPendingEmits');
  await Promise.all(waiting);
});

it('bounds what is under way in bytes, and takes an event that is larger when it is alone', async () => {
  client = clientWith({ maxPendingBytes: 10_000, maxPendingEmits: 1 });
  const large = 'x'.repeat(20_000);
  const first = emit(large);
  await isRefusedAtOnce('maxPendingBytes');
  await first;
  await Promise.all(Array.from({ length: 20 }, () => emit()));
});

it.each([['before it has connected', false] as const, ['over its link', true] as const])(
  'takes a burst that nobody awaits whole, %s',
  async (_, isConnected) => {
    client = clientWith({ emitTimeoutMs: 20_000 });
    if (isConnected) await client.connect();
    for (let number = 0; number < 20_000; number += 1) client.emit('orders', { number });
    await client.close();
    const control = openRedis(redis.url);
    const entries = await control.xrange(client.streamKey('orders'), '-', '+');
    control.disconnect();
    const numbers = entries.map(([, fields]) => (JSON.parse(fields[1] ?? '') as { number: number }).number);
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (__, number) => number));
  },
);

it('does not warn of a leak when many wait', async () => {
  client = clientWith({ emitTimeoutMs: 300 });
  await proxy.refuse();
  const warnings: string[] = [];
  const listen = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', listen);
  await Promise.all(Array.from({ length: 30 }, () => emit().catch(() => undefined)));
  process.off('warning', listen);
  expect(warnings).toEqual([]);
});

describe('when Redis refuses writes', () => {
  const control = () => openRedis(redis.url);

  it.each([
    ['out of memory', ['maxmemory', '1'], ['maxmemory', '0']],
    ['lacking replicas', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0']],
  ] as const)('%s: emit fails at once and says why, with writes and without', async (_, harm, mend) => {
    const record = new RedisStreamsRecordBuilder({})
      .setWrites((tx) => tx.set(client.helperKey('orders', 'x'), '1'))
      .build();
    await emit(record);
    const other = control();
    await other.config('SET', ...harm);
    for (const payload of [{}, record]) expect((await fails(emit(payload))).mayBeThere).toBe(false);
    await other.config('SET', ...mend);
    await emit(record);
    other.disconnect();
  });

  it('being a replica: emit fails, and works again after the promotion', async () => {
    const record = new RedisStreamsRecordBuilder({})
      .setWrites((tx) => tx.set(client.helperKey('orders', 'x'), '1'))
      .build();
    await emit(record);
    const other = control();
    await other.replicaof('127.0.0.1', 1);
    await fails(emit());
    await fails(emit(record));
    await other.replicaof('NO', 'ONE');
    await eventuallyPasses(() => emit(record));
    other.disconnect();
  });
});
