import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';

let running: StartedServer;
const redis = openRedis(sharedRedisUrl());
afterEach(() => running.close());
afterAll(() => redis.disconnect());

it('says in health, event and numbers when entries wait and no handler ends, until one does', async () => {
  const hanging: (() => void)[] = [];
  running = await startServer({
    handler: () => new Promise<void>((end) => hanging.push(end)),
    options: { maxInFlight: 2 },
  });
  const { server, stream, group, told } = running;
  for (let n = 0; n < 3; n += 1) await redis.xadd(stream, '*', 'n', n);

  const exhausted = await eventually(() => told['slots-exhausted'][0]);
  expect(exhausted).toMatchObject({ pattern: 'orders', stream, group, running: 2 });
  expect(exhausted.waitedMs).toBeGreaterThanOrEqual(10_000);
  expect(await server.checkHealth()).toMatchObject({
    ready: true,
    warnings: [{ code: 'slots-exhausted', stream, group, value: 2 }],
  });
  expect(server.consumed[0]?.exhaustedForMs).toBeGreaterThan(10_000);

  await eventuallyPasses(async () => {
    hanging.shift()?.();
    expect(await redis.xlen(stream)).toBe(told.processed.length);
  });
  expect((await server.checkHealth()).warnings).toBeUndefined();
  expect(server.consumed[0]?.exhaustedForMs).toBe(0);
  expect(told['slots-exhausted']).toHaveLength(1);
}, 60_000);
