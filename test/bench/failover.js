// How long after the loss of a master an order that is emitted then has been handled, and what became of those that were
// confirmed on the way. Masters are killed, fall silent with their links open, or (Sentinel) are demoted.
//
//   npm run bench:failover            (ROUNDS=10 of each by default)
//   npm run bench:failover -- --cluster
import 'reflect-metadata';
import { register } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient, RedisStreamsServer } from '../../dist/transport/index.js';

register('../support/typescript-loader.js', import.meta.url);
Logger.overrideLogger(false);

const ROUNDS = Number(process.env.ROUNDS ?? 10);
const ON_CLUSTER = process.argv.includes('--cluster');
const STREAM = 'orders';
const LIMIT_MS = 30_000;

const world = await startWorld();
const handled = new Map();
const server = new RedisStreamsServer({
  connection: world.connection,
  group: 'bench',
  ackWaitMs: 2_000,
  streams: { orders: STREAM },
});
server.addHandler('orders', async ({ n }) => void handled.set(n, (handled.get(n) ?? 0) + 1), true, {});
await server.listen(() => undefined);
const client = new RedisStreamsClient({
  connection: world.connection,
  emitTimeoutMs: 1_000,
  waitReplicas: { count: 1, timeoutMs: 500 },
});

const confirmed = [];
let sent = 0;
for (const fault of world.faults) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await emitUntilHandled();
    const began = performance.now();
    const repair = await fault.strike();
    await emitUntilHandled();
    times.push(performance.now() - began);
    await repair();
    await world.whenWhole();
  }
  console.log(JSON.stringify({ fault: fault.name, rounds: ROUNDS, ...percentiles(times) }));
}
const deadline = performance.now() + LIMIT_MS;
const lost = () => confirmed.filter((n) => !handled.has(n)).length;
while (lost() > 0 && performance.now() < deadline) await delay(100);
const repeated = confirmed.filter((n) => handled.get(n) > 1).length;
console.log(
  JSON.stringify({ emitted: sent, confirmed: confirmed.length, lost: lost(), handledAgain: repeated }),
);
await server.close();
await client.close();
await world.stop();
process.exitCode = lost() === 0 ? 0 : 1;

/** Emits every 20 ms, whatever becomes of it, until one that was emitted from now on is handled. */
async function emitUntilHandled() {
  const first = sent;
  const end = performance.now() + LIMIT_MS;
  while (![...handled.keys()].some((n) => n >= first)) {
    if (performance.now() > end) throw new Error(`Nothing is handled after ${LIMIT_MS} ms`);
    const n = sent++;
    firstValueFrom(client.emit('orders', { n })).then(
      () => confirmed.push(n),
      () => undefined,
    );
    await delay(20);
  }
}

function percentiles(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.ceil(share * sorted.length) - 1]);
  return { p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

async function startWorld() {
  if (ON_CLUSTER) {
    const { ClusterWorld } = await import('../support/cluster.ts');
    const cluster = await ClusterWorld.start();
    const strike = (hit, mend) => async () => {
      const old = await cluster.masterOf(STREAM);
      hit(old);
      return () => mend(old);
    };
    return {
      connection: cluster.connection,
      whenWhole: () => cluster.whenWhole(),
      stop: () => cluster.stop(),
      faults: [
        {
          name: 'killed',
          strike: strike(
            (old) => old.server.kill(),
            (old) => cluster.revive(old),
          ),
        },
        {
          name: 'silent',
          strike: strike(
            (old) => old.server.freeze(),
            (old) => old.server.thaw(),
          ),
        },
      ],
    };
  }
  const { SentinelWorld } = await import('../support/sentinel.ts');
  const sentinel = await SentinelWorld.start();
  const strike = (hit, mend) => async () => {
    const old = await sentinel.master();
    await hit(old);
    return async () => {
      await sentinel.failedOver(old);
      await mend(old);
    };
  };
  return {
    connection: sentinel.connection,
    whenWhole: () => sentinel.whenWhole(),
    stop: () => sentinel.stop(),
    faults: [
      {
        name: 'killed',
        strike: strike(
          (old) => old.kill(),
          (old) => sentinel.revive(old),
        ),
      },
      {
        name: 'silent',
        strike: strike(
          (old) => old.freeze(),
          (old) => old.thaw(),
        ),
      },
      {
        name: 'demoted',
        strike: strike(
          (old) => sentinel.demote().then(() => sentinel.failedOver(old)),
          () => undefined,
        ),
      },
    ],
  };
}
