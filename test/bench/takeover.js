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
  await fill();
  const bareMs = await takeOverBare();
  await redis.client.flushall();
  await fill();
  const oursMs = await takeOverWithServer();
  const [[, , slowest = 0] = []] = await slowCommands();
  console.log(
    JSON.stringify({
      entries: N,
      bareMs: Math.round(bareMs),
      oursMs: Math.round(oursMs),
      ratio: Number((oursMs / bareMs).toFixed(2)),
      commandsOver10Ms: (await slowCommands()).length,
      ...(slowest > 0 ? { slowestMs: slowest / 1_000 } : {}),
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
  const start = performance.now();
  for (let cursor = '0-0', done = 0; done < N;) {
    const [next, entries] = await client.xautoclaim('orders', GROUP, 'alive', 0, cursor, 'COUNT', 100);
    if (entries.length > 0) await client.xack('orders', GROUP, ...entries.map(([id]) => id));
    done += entries.length;
    cursor = next;
  }
  return performance.now() - start;
}

async function takeOverWithServer() {
  const { client, url } = redis;
  await client.config('SET', 'slowlog-log-slower-than', SLOW_US);
  await client.slowlog('RESET');
  let handled = 0;
  let first = 0;
  const done = Promise.withResolvers?.() ?? resolvers();
  class Handler {
    handle() {
      first ||= performance.now();
      handled += 1;
      if (handled === N) done.resolve(performance.now());
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
  const app = await NestFactory.createMicroservice(App, { strategy, logger: ['error', 'warn'] });
  await app.listen();
  const end = await done.promise;
  await app.close();
  const [pending] = await client.xpending('orders', GROUP);
  if (pending !== 0) throw new Error(`${pending} entries are still pending`);
  return end - first;
}

function slowCommands() {
  return redis.client.slowlog('GET', 100);
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
