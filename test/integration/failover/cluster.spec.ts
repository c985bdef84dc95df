import { firstValueFrom } from 'rxjs';
import { ClusterWorld } from '../../support/cluster.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { hearChannel } from '../../support/heard-channel.js';
import { recordingController } from '../../support/recording-controller.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const BACK = { timeoutMs: 180_000 };
const TEST_LIMIT_MS = 60_000;
/** In different slots, on different masters. */
const STREAMS = { orders: 'orders', payments: 'payments' };

let world: ClusterWorld;
let app: TransportApp;
let seen: Map<string, number>;

beforeAll(async () => {
  world = await ClusterWorld.start();
  seen = new Map();
  const { controllers } = recordingController(({ payload, context }) => {
    const id = context.getEntryId();
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if ((payload as { fails?: true }).fails) throw new Error('fails on purpose');
  });
  app = await startTransportApp({
    controllers,
    connection: world.connection,
    client: { waitReplicas: { count: 1, timeoutMs: 500 } },
    server: {
      streams: STREAMS,
      ackWaitMs: 1_000,
      recoveryIntervalMs: 100,
      retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 20 } },
    },
  });
}, TEST_LIMIT_MS);

afterAll(async () => {
  await app.close();
  await world.stop();
});

type Pattern = keyof typeof STREAMS;
const PATTERNS: readonly Pattern[] = ['orders', 'payments'];

const emit = (pattern: Pattern, payload = {}) => firstValueFrom(app.client.emit<string>(pattern, payload));

async function pendingOf(stream: string): Promise<number> {
  const { redis } = await world.masterOf(stream);
  const [pending] = (await redis.xpending(stream, app.group)) as [number];
  return pending;
}

async function nothingIsLost(confirmed: readonly string[]): Promise<void> {
  const last = await Promise.all(PATTERNS.map((pattern) => eventually(() => emit(pattern), BACK)));
  await eventuallyPasses(
    () => expect([...confirmed, ...last].filter((id) => !seen.has(id))).toEqual([]),
    BACK,
  );
  for (const stream of PATTERNS) {
    await eventuallyPasses(async () => expect(await pendingOf(stream)).toBe(0), BACK);
  }
}

/** Emits before something is done and until it is over. @returns the entries that were confirmed, and the errors */
async function emitDuring(
  disturb: () => Promise<unknown>,
): Promise<{ confirmed: string[]; errors: unknown[] }> {
  const emitSome = () => PATTERNS.flatMap((pattern) => Array.from({ length: 5 }, () => emit(pattern)));
  const confirmed = await eventually(() => Promise.all(emitSome()), BACK);
  const errors: unknown[] = [];
  const state = { over: false };
  const end = disturb().finally(() => (state.over = true));
  while (!state.over) {
    for (const result of await Promise.allSettled(emitSome())) {
      if (result.status === 'fulfilled') confirmed.push(result.value);
      else errors.push(result.reason);
    }
  }
  await end;
  return { confirmed, errors };
}

it('handles, retries and dead-letters streams in different slots', async () => {
  const [orders, payments] = await Promise.all(PATTERNS.map((pattern) => world.masterOf(pattern)));
  expect(orders).not.toBe(payments);
  await nothingIsLost(await Promise.all(PATTERNS.map((pattern) => emit(pattern))));
  for (const pattern of PATTERNS) {
    const id = await emit(pattern, { fails: true });
    await eventually(() => app.deadLettered.find(({ entryId }) => entryId === id));
    expect(seen.get(id)).toBe(2);
    const { redis } = await world.masterOf(pattern);
    const letters = await redis.xrange(`{${pattern}}.DLT`, '-', '+');
    expect(letters.flatMap(([, fields]) => fields)).toContain(id);
  }
});

it('hears what is published on any node, also after its own link was cut', async () => {
  const channel = hearChannel(world.connection);
  const masters = await world.masters();
  for (const { redis } of masters) await channel.hears(redis);
  expect(await world.cutSubscribers()).toBe(1);
  for (const { redis } of masters) await channel.hears(redis);
  channel.end();
});

it('takes over the entries of a consumer that died, and makes a lost group again', async () => {
  const { redis } = await world.masterOf('orders');
  const id = await emit('orders');
  await eventuallyPasses(async () => {
    expect(seen.get(id)).toBe(1);
    expect(await pendingOf('orders')).toBe(0);
  });
  await redis.xclaim('orders', app.group, 'dead', 0, id, 'IDLE', 3_600_000, 'JUSTID', 'FORCE');
  await eventuallyPasses(async () => {
    expect(seen.get(id)).toBe(2);
    expect(await pendingOf('orders')).toBe(0);
  }, BACK);

  await redis.xgroup('DESTROY', 'orders', app.group);
  await nothingIsLost([await emit('orders')]);
});

it(
  'goes on while the slot of a stream moves to another master',
  async () => {
    const whileBothAnswer: string[] = [];
    const { confirmed, errors } = await emitDuring(() =>
      world.reshard('orders', async () => {
        for (let i = 0; i < 10; i += 1) whileBothAnswer.push(await emit('orders'));
      }),
    );
    await nothingIsLost([...confirmed, ...whileBothAnswer]);
    expect(errors).toEqual([]);
  },
  TEST_LIMIT_MS,
);

it(
  'goes on with the replica when the master of a slot is killed',
  async () => {
    const old = await world.masterOf('payments');
    const { confirmed } = await emitDuring(() =>
      old.server.kill().then(() => world.failedOver('payments', old)),
    );
    await world.revive(old);
    await nothingIsLost(confirmed);
  },
  TEST_LIMIT_MS,
);

it(
  'goes on with the replica when the master of a slot falls silent and keeps its links open',
  async () => {
    const old = await world.masterOf('orders');
    const { confirmed } = await emitDuring(() => {
      old.server.freeze();
      return world.failedOver('orders', old);
    });
    old.server.thaw();
    await nothingIsLost(confirmed);
  },
  TEST_LIMIT_MS,
);
