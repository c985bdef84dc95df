import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { hearChannel } from '../../support/heard-channel.js';
import { recordingController } from '../../support/recording-controller.js';
import { SentinelWorld } from '../../support/sentinel.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

/** A master counts as down after a second, its successor needs another, and a dead link is noticed in three. */
const BACK = { timeoutMs: 180_000 };
const TEST_LIMIT_MS = 60_000;

let world: SentinelWorld;
let app: TransportApp;
let seen: Map<string, number>;

beforeAll(async () => {
  world = await SentinelWorld.start();
  const { controllers } = recordingController(({ context }) => {
    const id = context.getEntryId();
    seen.set(id, (seen.get(id) ?? 0) + 1);
  });
  seen = new Map();
  app = await startTransportApp({
    controllers,
    connection: world.connection,
    client: { waitReplicas: { count: 1, timeoutMs: 500 } },
    server: { ackWaitMs: 1_000, recoveryIntervalMs: 100 },
  });
}, TEST_LIMIT_MS);

afterAll(async () => {
  await app.close();
  await world.stop();
});

const emit = (client = app.client) => firstValueFrom(client.emit<string>('orders', {}));

/** Emits before something is done and until it is over. @returns the entries that were confirmed */
async function emitDuring(disturb: () => Promise<unknown>, client = app.client): Promise<string[]> {
  const emits = (length: number) => Array.from({ length }, () => emit(client));
  const confirmed = await eventually(() => Promise.all(emits(20)), BACK);
  const state = { over: false };
  const end = disturb().finally(() => (state.over = true));
  while (!state.over) {
    const results = await Promise.allSettled(emits(5));
    for (const result of results) if (result.status === 'fulfilled') confirmed.push(result.value);
  }
  await end;
  return confirmed;
}

/** The master of now has what was confirmed, all of it and a new one were handled, and the group has nothing left. */
async function nothingIsLost(confirmed: readonly string[]): Promise<void> {
  const last = await eventually(() => emit(), BACK);
  await eventuallyPasses(() => expect([...confirmed, last].filter((id) => !seen.has(id))).toEqual([]), BACK);
  const redis = await world.openMaster();
  try {
    const kept = new Set((await redis.xrange(app.stream, '-', '+')).map(([id]) => id));
    expect(confirmed.filter((id) => !kept.has(id))).toEqual([]);
    await eventuallyPasses(async () => {
      const [pending] = (await redis.xpending(app.stream, app.group)) as [number];
      expect(pending).toBe(0);
    }, BACK);
  } finally {
    redis.disconnect();
  }
}

it(
  'leaves a master that is cut off from its replicas and goes on answering',
  async () => {
    const old = await world.master();
    const channel = hearChannel(world.connection);
    const first = await world.openMaster();
    await channel.hears(first);
    first.disconnect();
    const confirmed = await emitDuring(() => {
      world.split();
      return world.failedOver(old);
    });
    const second = await world.openMaster();
    await channel.hears(second);
    second.disconnect();
    channel.end();
    // The old one still takes writes: to stay with it is to lose them.
    await nothingIsLost(confirmed);
    await world.heal();
    // Until it is a replica again, the Sentinels could promote it with what the others never had.
    await world.whenWhole();
  },
  TEST_LIMIT_MS,
);

it(
  'goes on with the new master when the old one is killed',
  async () => {
    const old = await world.master();
    const confirmed = await emitDuring(() => old.kill().then(() => world.failedOver(old)));
    await nothingIsLost(confirmed);
    await world.revive(old);
  },
  TEST_LIMIT_MS,
);

it(
  'goes on with the new master when the old one is demoted while it works',
  async () => {
    const old = await world.master();
    // One replica is promoted while the old master still writes to the other: the word of one alone is not enough.
    const { connection } = world;
    const waitReplicas = { count: 2, timeoutMs: 500 };
    const client = new RedisStreamsClient({ connection, streams: { orders: app.stream }, waitReplicas });
    const confirmed = await emitDuring(
      () => world.demote().then(() => world.failedOver(old)),
      client,
    ).finally(() => client.close());
    await nothingIsLost(confirmed);
  },
  TEST_LIMIT_MS,
);

it(
  'goes on with the new master when the old one falls silent and keeps its links open',
  async () => {
    const old = await world.master();
    const confirmed = await emitDuring(() => {
      old.freeze();
      return world.failedOver(old);
    });
    await nothingIsLost(confirmed);
    old.thaw();
    await nothingIsLost([]);
  },
  TEST_LIMIT_MS,
);
