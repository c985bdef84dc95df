// How long 100,000 entries of a dead consumer take to be taken over and handled, beside the bare commands.
//
//   npm run bench:takeover            (N=100000 by default)
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { startRedisServer } from './parts/redis-server.js';
import { RedisStreamsServer } from '../../dist/transport/index.js';

const N = Number(process.env.N ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const GROUP = 'order-group';
const ACK_WAIT_MS = 1_000;
/** Longest time that one command may take, in microseconds. */
const SLOW_US = 10_000;
const DATA = JSON.stringify({
  orderId: 'order-00000000',
  customerId: 'c'.repeat(40),
  amount: 12.5,
  note: 'n'.repeat(110),
});

const redis = await startRedisServer();
try {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await fill();
    const bare = await takeOverBare();
    await redis.client.flushall();
    await fill();
    const ours = await takeOverWithServer();
    const slow = await redis.client.slowlog('GET', 100);
    rounds.push({ bare, ours, ratio: ours.ms / bare.ms, slow });
    await redis.client.flushall();
  }
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const summary = (name) =>
    Object.fromEntries(
      Object.keys(rounds[0][name]).map((key) => [
        key,
        Math.round(middle(rounds.map((one) => one[name][key]))),
      ]),
    );
  const slow = rounds.flatMap((one) => one.slow);
  console.log(
    JSON.stringify({
      ...{ entries: N, rounds: ROUNDS, bare: summary('bare'), ours: summary('ours') },
      ratio: Number(middle(rounds.map(({ ratio }) => ratio)).toFixed(2)),
      commandsOver10Ms: slow.map(
        ([, , us, [command, ...rest]]) => `${[command, rest[0]].join(' ')} ${us / 1_000} ms`,
      ),
    }),
  );
} finally {
  await redis.stop();
}

/** N entries, all pending for a consumer that is gone. */
async function fill() {
  const { client } = redis;
  await client.xgroup('CREATE', 'orders', GROUP, '0', 'MKSTREAM');
  for (let added = 0; added < N; added += 1_000) {
    const pipeline = client.pipeline();
    for (let i = 0; i < 1_000; i += 1) pipeline.xadd('orders', '*', 'data', DATA, 'retry', '0');
    await pipeline.exec();
  }
  for (let read = 0; read < N; read += 1_000) {
    await client.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 1_000, 'STREAMS', 'orders', '>');
  }
}

async function takeOverBare() {
  const { client } = redis;
  const taken = await begin();
  for (let cursor = '0-0', done = 0; done < N;) {
    const [next, entries] = await client.xautoclaim('orders', GROUP, 'alive', 0, cursor, 'COUNT', 100);
    if (entries.length > 0) await client.xack('orders', GROUP, ...entries.map(([id]) => id));
    done += entries.length;
    cursor = next;
  }
  return taken();
}

async function takeOverWithServer() {
  const { client, url } = redis;
  await client.config('SET', 'slowlog-log-slower-than', SLOW_US);
  await client.slowlog('RESET');
  let handled = 0;
  const done = Promise.withResolvers?.() ?? resolvers();
  class Handler {
    handle() {
      handled += 1;
      if (handled === N) done.resolve();
    }
  }
  Controller()(Handler);
  EventPattern('orders')(
    Handler.prototype,
    'handle',
    Object.getOwnPropertyDescriptor(Handler.prototype, 'handle'),
  );
  class App {}
  Module({ controllers: [Handler] })(App);
  const strategy = new RedisStreamsServer({ connection: { url }, group: GROUP, ackWaitMs: ACK_WAIT_MS });
  const app = await NestFactory.createMicroservice(App, { strategy, logger: ['error'] });
  const first = new Promise((resolve) => strategy.on('reclaimed', resolve));
  await app.listen();
  await first;
  const taken = await begin();
  await done.promise;
  const figures = await taken();
  await app.close();
  const [pending] = await client.xpending('orders', GROUP);
  if (pending !== 0) throw new Error(`${pending} entries are still pending`);
  return figures;
}

/** Begins to measure; what it gives ends that, and tells the time taken and the CPU of Node and of Redis. */
async function begin() {
  const redisCpu = await redisCpuMs();
  const cpu = process.cpuUsage();
  const start = performance.now();
  return async () => {
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, nodeCpuMs: (user + system) / 1_000, redisCpuMs: (await redisCpuMs()) - redisCpu };
  };
}

async function redisCpuMs() {
  const info = await redis.client.info('cpu');
  const seconds = (name) => Number(info.match(new RegExp(`${name}:([\\d.]+)`))?.[1] ?? 0);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
