import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { TransportEvents } from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const ENTRIES = 35;
const tenant = new AsyncLocalStorage<string>();
const redis = openRedis(sharedRedisUrl());
afterAll(() => redis.disconnect());

/** What was in force when user code was called, by what kind it is. */
type Seen = [kind: string, store: string | undefined][];

/** Notes what is in force, and leaves something there. */
function leaveIn(seen: Seen, kind: string): void {
  seen.push([kind, tenant.getStore()]);
  tenant.enterWith(randomUUID());
}

async function startLeaking(seen: Seen, stream: string): Promise<StartedServer> {
  const running = await startServer({
    stream,
    handler: async ({ how, n }, context) => {
      leaveIn(seen, 'handler');
      const own = tenant.getStore();
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(['handler, later', tenant.getStore() === own ? undefined : tenant.getStore()]);
      if (how === 'fails' || (how === 'fails once' && context.getRetry() === 0)) {
        tenant.enterWith('left before the throw');
        throw new Error(`declined ${String(n)}`);
      }
    },
    idempotent: {
      key: (payload: unknown) => {
        seen.push(['key', tenant.getStore()]);
        return (payload as { n: string }).n;
      },
    },
    arbiter: () => {
      leaveIn(seen, 'arbiter');
      return Promise.resolve('dead-letter');
    },
    retry: {
      maxRetries: 1,
      backoff: () => {
        leaveIn(seen, 'backoff');
        return 10;
      },
      classify: () => {
        leaveIn(seen, 'classifier');
        return undefined;
      },
    },
  });
  running.server.setSettlementHook(() => leaveIn(seen, 'hook'));
  const events: (keyof TransportEvents)[] = [
    ...(['received', 'processed', 'failed', 'retry-scheduled', 'dead-lettered', 'reclaimed'] as const),
  ];
  for (const event of events) running.server.on(event, () => leaveIn(seen, event));
  return running;
}

async function addAll(stream: string, how: string): Promise<void> {
  const adding = redis.pipeline();
  for (let n = 0; n < ENTRIES; n += 1) adding.xadd(stream, '*', 'how', how, 'n', `${how} ${n}`);
  await adding.exec();
}

it('is what every delivery, retry, takeover, event and hook begins in, whatever the others leave in theirs', async () => {
  const seen: Seen = [];
  const stream = uniqueName('orders');
  await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
  await addAll(stream, 'reclaimed');
  await redis.xreadgroup('GROUP', GROUP, 'gone', 'COUNT', ENTRIES, 'STREAMS', stream, '>');
  await addAll(stream, 'succeeds');
  const running = await startLeaking(seen, stream);
  await addAll(stream, 'fails once');
  await addAll(stream, 'fails');

  await eventuallyPasses(() => expect(running.told['dead-lettered']).toHaveLength(ENTRIES));
  await eventuallyPasses(async () => expect((await redis.xpending(stream, GROUP))[0]).toBe(0));
  await running.close();

  const kinds = new Set(seen.map(([kind]) => kind));
  expect([...kinds].sort()).toEqual(
    [
      ...['handler', 'handler, later', 'key', 'arbiter', 'backoff', 'classifier', 'hook'],
      ...['received', 'processed', 'failed', 'retry-scheduled', 'dead-lettered', 'reclaimed'],
    ].sort(),
  );
  expect(seen.filter(([, store]) => store !== undefined)).toEqual([]);
});
