// What a commit costs beside a plain acknowledgement, by itself and with the same effects made by hand: the same entries
// through the same server, in rounds that take turns, so that whatever else the machine does weighs on all alike. Ratios
// are those of the same round, and of them the median. `bare` is the least that these effects can cost: a loop without
// transport, fence or look at anything, with the commands of 128 entries in one pipeline.
//
//   npm run bench:commit              (N=20000 entries a round, ROUNDS=7)
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { RedisStreamsServer } from '../../dist/transport/index.js';

const N = Number(process.env.N ?? 20_000);
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const GROUP = 'order-group';
/** Entries that the bare loop handles at once. */
const BATCH = 128;
/** Longest time that one command may take, in microseconds. */
const SLOW_US = 10_000;
const DATA = { customerId: 'c'.repeat(40), amount: 12.5, note: 'n'.repeat(110) };

/** What a round is made of, by the pattern that it reads. */
const KINDS = {
  plain: () => undefined,
  // The same effects by commands of the handler's own: they are repeated when its entry is.
  byHand: ({ orderId }, context) =>
    redis.handlers
      .pipeline()
      .hset(`{byHand}:order:${orderId}`, 'state', 'processed', 'entryId', context.getEntryId())
      .xadd(
        'byHand.processed',
        '*',
        'data',
        JSON.stringify({ orderId, entryId: context.getEntryId() }),
        'retry',
        '0',
      )
      .exec(),
  commit: ({ orderId }, context) =>
    context.commit((tx) =>
      tx
        .hset(`{commit}:order:${orderId}`, { state: 'processed', entryId: context.getEntryId() })
        .emit('commit.processed', { orderId, entryId: context.getEntryId() }),
    ),
};

const redis = await startRedis();
try {
  const subjects = { ...Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, run])), bare: runBare };
  const rounds = Object.fromEntries(Object.keys(subjects).map((kind) => [kind, []]));
  // The first two warm up.
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    const kinds = Object.keys(subjects);
    for (const kind of round % 2 === 0 ? kinds : kinds.reverse()) {
      const taken = await subjects[kind](kind);
      if (round > 1) rounds[kind].push(taken);
    }
  }
  const taken = Object.entries(rounds).map(([kind, each]) => [kind, summary(each)]);
  const ratioTo = (other, name) => {
    const ratios = rounds.commit.map((one, round) => one[name] / rounds[other][round][name]);
    return Number(median(ratios).toFixed(2));
  };
  const ratiosTo = (other) => ({
    ratio: ratioTo(other, 'ms'),
    nodeCpuRatio: ratioTo(other, 'nodeCpuMs'),
    redisCpuRatio: ratioTo(other, 'redisCpuMs'),
  });
  const slow = await redis.client.slowlog('GET', 10);
  console.log(JSON.stringify({ entries: N, rounds: ROUNDS, ...Object.fromEntries(taken) }));
  console.log(
    JSON.stringify({
      toPlainAcknowledgement: ratiosTo('plain'),
      toSameEffectsByHand: ratiosTo('byHand'),
      toBareCommands: ratiosTo('bare'),
      commandsOver10Ms: slow.map(([, , us, [command]]) => `${command} ${us / 1_000} ms`),
    }),
  );
} finally {
  await redis.stop();
}

/** Makes a stream with entries that nobody has read. */
async function fill(stream) {
  const { client } = redis;
  await client.flushall();
  await client.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
  for (let added = 0; added < N; added += 1_000) {
    const pipeline = client.pipeline();
    for (let i = added; i < Math.min(added + 1_000, N); i += 1) {
      const data = JSON.stringify({ orderId: `order-${i}`, ...DATA });
      pipeline.xadd(stream, '*', 'data', data, 'retry', '0');
    }
    await pipeline.exec();
  }
}

/** Times the server from its first entry to the moment when nothing is pending. */
async function run(kind) {
  const { client, url } = redis;
  await fill(kind);
  const counted = { handled: 0, first: undefined };
  const strategy = new RedisStreamsServer({ connection: { url }, group: GROUP });
  const done = new Promise((resolve) => {
    strategy.on('processed', () => {
      counted.handled += 1;
      if (counted.handled === N) resolve();
    });
  });
  await client.config('SET', 'slowlog-log-slower-than', SLOW_US);
  const app = await NestFactory.createMicroservice(appOf(kind, counted), {
    strategy,
    logger: ['error', 'warn'],
  });
  const redisBefore = await redisCpuMs();
  await app.listen();
  await done;
  while ((await client.xpending(kind, GROUP))[0] > 0);
  const { at, cpu } = counted.first;
  const taken = await takenSince(at, cpu, redisBefore);
  await assertFollowUps(kind, kind === 'plain' ? 0 : N);
  await app.close();
  return taken;
}

/** Reads ahead and writes the same effects with bare commands. */
async function runBare(kind) {
  const { client, handlers } = redis;
  await fill(kind);
  const redisBefore = await redisCpuMs();
  const [at, cpu] = [performance.now(), process.cpuUsage()];
  const read = () => handlers.xreadgroup('GROUP', GROUP, 'me', 'COUNT', BATCH, 'STREAMS', kind, '>');
  const written = [];
  for (let reading = read(), reply = await reading; reply; reply = await reading) {
    reading = read();
    const pipeline = client.pipeline();
    for (const [id, [, data]] of reply[0][1]) {
      const { orderId } = JSON.parse(data);
      pipeline.hset(`{${kind}}:order:${orderId}`, 'state', 'processed', 'entryId', id);
      const event = JSON.stringify({ orderId, entryId: id });
      pipeline.xadd(`${kind}.processed`, '*', 'data', event, 'retry', '0');
    }
    pipeline.xack(kind, GROUP, ...reply[0][1].map(([id]) => id));
    written.push(pipeline.exec());
  }
  await Promise.all(written);
  const taken = await takenSince(at, cpu, redisBefore);
  await assertFollowUps(kind, N);
  return taken;
}

async function takenSince(at, cpu, redisBefore) {
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - at;
  return { ms, nodeCpuMs: (user + system) / 1_000, redisCpuMs: (await redisCpuMs()) - redisBefore };
}

async function assertFollowUps(kind, expected) {
  const followUps = await redis.client.xlen(`${kind}.processed`);
  if (followUps !== expected) throw new Error(`${followUps} follow-up events of ${N} orders`);
}

function appOf(kind, counted) {
  class Handler {
    handle(order, context) {
      counted.first ??= { at: performance.now(), cpu: process.cpuUsage() };
      return KINDS[kind](order, context);
    }
  }
  Controller()(Handler);
  EventPattern(kind)(
    Handler.prototype,
    'handle',
    Object.getOwnPropertyDescriptor(Handler.prototype, 'handle'),
  );
  Payload()(Handler.prototype, 'handle', 0);
  Ctx()(Handler.prototype, 'handle', 1);
  class App {}
  Module({ controllers: [Handler] })(App);
  return App;
}

async function redisCpuMs() {
  const info = await redis.client.info('cpu');
  const seconds = (name) => Number(info.match(new RegExp(`${name}:([\\d.]+)`))?.[1] ?? 0);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** The median of each figure. */
function summary(taken) {
  const of = (name) => Math.round(median(taken.map((one) => one[name])));
  const ms = of('ms');
  return {
    ...{ ms, nodeCpuMs: of('nodeCpuMs'), redisCpuMs: of('redisCpuMs') },
    perSecond: Math.round((N * 1_000) / ms),
  };
}

async function startRedis() {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-bench-'));
  const port = await freePort();
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', directory].map(String);
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const handlers = client.duplicate();
  handlers.on('error', () => undefined);
  await client.ping();
  const stop = async () => {
    client.disconnect();
    handlers.disconnect();
    server.kill();
    await once(server, 'exit');
    rmSync(directory, { recursive: true });
  };
  return { url, client, handlers, stop };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
