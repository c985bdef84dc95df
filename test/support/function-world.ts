import type { Redis } from 'ioredis';
import { FunctionLibrary } from '../../src/transport/redis/lua/function-library.js';
import { RedisStreamBroker } from '../../src/transport/redis/broker/redis-stream-broker.js';
import { helperKeyOf } from '../../src/transport/entry/names.js';
import { openRedis } from './open-redis.js';
import { serverKinds } from './redis-servers.js';
import type { TestRedis } from './redis.js';
import { GROUP } from './started-server.js';
import { uniqueName } from './unique-name.js';

const kinds = await serverKinds();

/** A stream of its own on a Redis of its own, and the functions on it. */
export class FunctionWorld {
  readonly stream = uniqueName('orders');
  private readonly brokers: RedisStreamBroker[] = [];

  constructor(
    readonly redis: Redis,
    readonly server: TestRedis,
  ) {}

  get letters(): string {
    return `${this.stream}.DLT`;
  }

  key(part: string): string {
    return helperKeyOf(this.stream, GROUP, part);
  }

  broker(consumer = 'worker', url = this.server.url): RedisStreamBroker {
    const broker = new RedisStreamBroker({ connection: { url }, group: GROUP, consumer, blockMs: 1 });
    this.brokers.push(broker);
    return broker;
  }

  /** Calls a function as it is. */
  call(name: string, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return new FunctionLibrary(this.redis).call(name, keys, args);
  }

  async add(fields: readonly (string | Buffer)[] = ['orderId', '1'], id = '*'): Promise<string> {
    const added = await this.redis.xadd(this.stream, id, ...fields);
    await this.redis.xgroup('CREATE', this.stream, GROUP, '0').catch(() => undefined);
    return added ?? '';
  }

  /** Delivers what is new. */
  async deliver(consumer = 'worker', count = 1_000): Promise<void> {
    await this.redis.xreadgroup('GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', this.stream, '>');
  }

  /** An entry that the worker has. */
  async delivered(fields?: readonly (string | Buffer)[]): Promise<string> {
    const id = await this.add(fields);
    await this.deliver();
    return id;
  }

  /** Owner and delivery count of a pending entry. */
  async row(id: string): Promise<{ owner: string; count: number; idleMs: number } | undefined> {
    const [row] = (await this.redis.xpending(this.stream, GROUP, id, id, 1)) as [
      string,
      string,
      number,
      number,
    ][];
    return row && { owner: row[1], idleMs: row[2], count: row[3] };
  }

  /** Every key with all that it holds, pending entries with their times and counts included. */
  async dump(): Promise<Record<string, string>> {
    const keys = (await this.redis.keys('*')).sort();
    const held = await Promise.all(
      keys.map(async (key) => [key, (await this.redis.dumpBuffer(key)).toString('hex')] as const),
    );
    return Object.fromEntries(held);
  }

  async close(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.close()));
    await this.redis.config('SET', 'maxmemory', '0');
    await this.redis.flushall();
  }
}

/** Runs the same tests on every kind of server that there is; each test has a world of its own. */
export function onEveryServer(title: string, define: (world: () => FunctionWorld) => void): void {
  describe.each(kinds)(`${title}, on $name`, (kind) => {
    let server: TestRedis;
    let redis: Redis;
    let world: FunctionWorld;
    beforeAll(async () => {
      server = await kind.start();
      redis = openRedis(server.url);
    }, 60_000);
    beforeEach(() => {
      world = new FunctionWorld(redis, server);
    });
    afterEach(() => world.close());
    afterAll(async () => {
      redis.disconnect();
      await server.stop();
    });
    define(() => world);
  });
}
