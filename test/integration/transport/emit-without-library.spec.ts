import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  RedisUnavailableError,
} from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { serverPort } from '../../support/server-port.js';
import { ServerProcess } from '../../support/server-process.js';

const TEST_LIMIT_MS = 120_000;
const MOST_CALLS = 100;

let server: ServerProcess;
let redis: Redis;
let client: RedisStreamsClient;

async function startServer(isCluster: boolean): Promise<void> {
  server = new ServerProcess(await serverPort(), await serverPort());
  const { port, busPort } = server;
  const cluster = [
    '--cluster-enabled',
    'yes',
    '--cluster-announce-ip',
    '127.0.0.1',
    '--cluster-port',
    String(busPort),
  ];
  await server.start([
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--save',
    '',
    ...(isCluster ? cluster : []),
  ]);
  redis = openRedis(`redis://127.0.0.1:${port}`);
  if (isCluster) {
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await eventuallyPasses(async () => expect(await redis.cluster('INFO')).toContain('cluster_state:ok'));
  }
  const connection = isCluster
    ? { cluster: [{ host: '127.0.0.1', port }] }
    : { url: `redis://127.0.0.1:${port}` };
  client = new RedisStreamsClient({ connection, emitTimeoutMs: 15_000, log: false });
}

afterEach(async () => {
  await client.close();
  redis.disconnect();
  await server.remove();
});

const emit = (payload: unknown) => firstValueFrom(client.emit<string>('orders', payload));

async function calls(): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

it.each([
  ['a single Redis', false],
  ['a cluster', true],
])(
  'an emit to %s that lost the library and is full fails soon; the library comes back when there is room',
  async (_, isCluster) => {
    await startServer(isCluster);
    await emit('first');
    await redis.function('FLUSH');
    await redis.config('SET', 'maxmemory', '1');
    const before = await calls();
    const keyed = new RedisStreamsRecordBuilder('keyed').setIdempotencyKey('k').build();
    for (const payload of ['plain', keyed]) {
      const error: unknown = await emit(payload).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RedisUnavailableError);
      expect(error).toMatchObject({ mayBeThere: false });
    }
    expect((await calls()) - before).toBeLessThan(MOST_CALLS);
    await redis.config('SET', 'maxmemory', '0');
    await emit('last');
    expect(await redis.xlen(client.streamKey('orders'))).toBe(2);
    // An emit that goes without it could not be told apart from its repeat.
    expect(await redis.function('LIST')).toHaveLength(1);
  },
  TEST_LIMIT_MS,
);
