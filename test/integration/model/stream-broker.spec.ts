import { openRedis } from '../../support/open-redis.js';
import { fakeWorld } from '../../support/fake-redis/fake-world.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { redisWorld } from '../../support/redis-world.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { conditionsContract } from './conditions-contract.js';
import { deliveryContract } from './delivery-contract.js';
import { recoveryContract } from './recovery-contract.js';
import { replayContract } from './replay-contract.js';
import { settlementContract } from './settlement-contract.js';

let server: TestRedis;

beforeAll(async () => {
  // One entry a node: Redis trims whole nodes, and so trims exactly what it may.
  server = await startRedis({ args: ['--stream-node-max-entries', '1'] });
});

afterAll(async () => {
  await server.stop();
});

describe.each<[name: string, open: () => StreamWorld]>([
  ['the fake broker', () => fakeWorld()],
  ['the broker on Redis', onRedis],
])('%s', (_name, open) => {
  let world: StreamWorld;

  beforeEach(() => {
    world = open();
  });

  afterEach(async () => {
    await world.close();
  });

  deliveryContract(() => world);
  settlementContract(() => world);
  conditionsContract(() => world);
  replayContract(() => world);
  recoveryContract(() => world);
});

function onRedis(): StreamWorld {
  const redis = openRedis(server.url);
  const world = redisWorld(redis, server.url);
  return {
    ...world,
    async close() {
      await world.close();
      redis.disconnect();
    },
  };
}
