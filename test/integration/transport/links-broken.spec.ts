import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController } from '../../support/recording-controller.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

/** How long the transport may take until it works again; a dead link is noticed in three seconds or so. */
const HEALED = { timeoutMs: 180_000 };
const TEST_LIMIT_MS = 60_000;

/** An app behind a proxy of its own. */
interface Linked {
  readonly proxy: TcpProxy;
  readonly start: () => Promise<TransportApp>;
  /** Ends the handler of an entry that was emitted as slow. */
  readonly finish: Map<string, () => void>;
}

/** An entry whose read lost its answer is found again soon. */
const UNSEEN_SOON = { ackWaitMs: 1_000, recoveryIntervalMs: 100 };

/** The tests run side by side: most of their time is spent waiting for a link to be given up. */
function test(name: string, run: (linked: Linked) => Promise<void>): void {
  it.concurrent(
    name,
    async () => {
      const directUrl = sharedRedisUrl();
      const proxy = await startProxy('127.0.0.1', Number(new URL(directUrl).port));
      const finish = new Map<string, () => void>();
      const { controllers } = recordingController(({ payload, context }) => {
        if ((payload as { slow?: true }).slow === undefined) return undefined;
        return new Promise<void>((resolve) => finish.set(context.getEntryId(), resolve));
      });
      const apps: TransportApp[] = [];
      const start = async (): Promise<TransportApp> => {
        const url = `redis://127.0.0.1:${proxy.port}`;
        const app = await startTransportApp({ url, directUrl, controllers, server: UNSEEN_SOON });
        apps.push(app);
        return app;
      };
      try {
        await run({ proxy, start, finish });
      } finally {
        await proxy.heal();
        for (const app of apps) await app.close();
        await proxy.stop();
      }
    },
    TEST_LIMIT_MS,
  );
}

const emit = (app: TransportApp, payload = {}) => firstValueFrom(app.client.emit<string>('orders', payload));

async function processes(app: TransportApp): Promise<void> {
  const id = await emit(app);
  await eventually(() => app.processed.find(({ entryId }) => entryId === id), HEALED);
  await eventuallyPasses(async () => expect(await app.pending()).not.toContain(id), HEALED);
}

test('reads on over a new link when the old one is silently dead', async ({ proxy, start }) => {
  const app = await start();
  await processes(app);
  proxy.blackhole();
  const unseen = await emit(app);
  await eventuallyPasses(async () => expect(await app.pending()).toContain(unseen));
  await proxy.heal();
  await processes(app);
});

test('acknowledges over a new link what ended while the old one was silently dead', async (linked) => {
  const app = await linked.start();
  const id = await emit(app, { slow: true });
  await eventually(() => linked.finish.get(id));
  linked.proxy.blackhole();
  linked.finish.get(id)?.();
  await eventually(() => app.processed.find(({ entryId }) => entryId === id));
  expect(await app.pending()).toContain(id);
  await linked.proxy.heal();
  await eventuallyPasses(async () => expect(await app.pending()).not.toContain(id), HEALED);
});

test('connects anew when a server takes the connection and never answers', async ({ proxy, start }) => {
  proxy.blackhole();
  const app = await start();
  expect(await app.server.checkHealth()).toMatchObject({ causes: [{ code: 'redis-unreachable' }] });
  await proxy.heal();
  await processes(app);
});

test('starts without Redis, and works as soon as there is one', async ({ proxy, start }) => {
  await proxy.refuse();
  const began = performance.now();
  const app = await start();
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await app.server.checkHealth()).toMatchObject({ causes: [{ code: 'redis-unreachable' }] });
  await proxy.heal();
  await processes(app);
});

test('survives links that are cut again and again', async ({ proxy, start }) => {
  const app = await start();
  for (let round = 0; round < 5; round += 1) {
    await processes(app);
    proxy.cut();
  }
  await processes(app);
});

for (const role of ['reader', 'commands']) {
  test(`goes on when its connection "${role}" is killed`, async ({ start }) => {
    const app = await start();
    await processes(app);
    const clients = String(await app.redis.client('LIST')).split('\n');
    const { consumer } = app.processed[0] ?? { consumer: '' };
    const line = clients.find((one) => one.includes(`name=${consumer}:${role}`)) ?? '';
    expect(await app.redis.client('KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '')).toBe(1);
    await processes(app);
  });
}

test('closes in good time while Redis is silent', async ({ proxy, start }) => {
  const app = await start();
  await processes(app);
  proxy.blackhole();
  const began = performance.now();
  await app.server.close();
  expect(performance.now() - began).toBeLessThan(20_000);
});
