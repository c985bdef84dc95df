// What is lost of the orders that were confirmed, when a master is cut off from its replicas and Sentinels and goes on
// answering its clients, until its successor is there and it is a replica itself.
//
//   npm run bench:net-split                  (ROUNDS=3 net-splits, nothing waited for)
//   npm run bench:net-split -- --wait 1      (WAIT for one replica)
import 'reflect-metadata';
import { register } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { NotReplicatedError, RedisStreamsClient } from '../../dist/transport/index.js';

register('../support/typescript-loader.js', import.meta.url);
const { SentinelWorld } = await import('../support/sentinel.ts');

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const at = process.argv.indexOf('--wait');
const WAIT = at < 0 ? 0 : Number(process.argv[at + 1]);
const EMITTERS = 64;

const sum = { netSplits: 0, confirmed: 0, refusedAsNotReplicated: 0, failedOtherwise: 0, lost: 0 };
for (let round = 0; round < ROUNDS; round += 1) {
  const told = await netSplit();
  sum.netSplits += 1;
  for (const [name, value] of Object.entries(told)) sum[name] += value;
  console.log(JSON.stringify({ round: round + 1, ...told }));
}
console.log(JSON.stringify({ waitReplicas: WAIT, ...sum }));
process.exitCode = WAIT > 0 && sum.lost > 0 ? 1 : 0;

/** A world of its own, since only the first master of one can be cut off. */
async function netSplit() {
  const world = await SentinelWorld.start();
  const client = new RedisStreamsClient({
    connection: world.connection,
    ...(WAIT > 0 && { waitReplicas: { count: WAIT, timeoutMs: 200 } }),
  });
  const told = { confirmed: 0, refusedAsNotReplicated: 0, failedOtherwise: 0, lost: 0 };
  const confirmed = new Set();
  const state = { over: false, sent: 0 };
  const emitter = async () => {
    while (!state.over) {
      const n = state.sent++;
      try {
        await firstValueFrom(client.emit('orders', { n }));
        confirmed.add(n);
      } catch (error) {
        if (error instanceof NotReplicatedError) told.refusedAsNotReplicated += 1;
        else told.failedOtherwise += 1;
        await delay(5);
      }
    }
  };
  const emitters = Array.from({ length: EMITTERS }, emitter);
  await delay(1_000);
  const old = await world.master();
  world.split();
  await world.failedOver(old);
  await delay(2_000);
  state.over = true;
  await Promise.all(emitters);
  await world.heal();
  await world.whenWhole();
  const redis = await world.openMaster();
  const kept = new Set();
  for (let from = '-'; ;) {
    const page = await redis.xrange('orders', from, '+', 'COUNT', 10_000);
    for (const [, fields] of page) kept.add(JSON.parse(fields[fields.indexOf('data') + 1]).n);
    if (page.length < 10_000) break;
    from = `(${page.at(-1)[0]}`;
  }
  redis.disconnect();
  told.confirmed = confirmed.size;
  told.lost = [...confirmed].filter((n) => !kept.has(n)).length;
  await client.close();
  await world.stop();
  return told;
}
