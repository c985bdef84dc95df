// What an open circuit breaker costs: orders come in all the time, and until it closes every handler fails with it.
//
//   npm run bench:breaker            (OPEN_S=60, RATE=1000 orders a second, AFTER_S=5 by default)
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { setTimeout as delay } from 'node:timers/promises';
import { startRedisServer } from './parts/redis-server.js';
import { RedisStreamsServer } from '../../dist/transport/index.js';

const OPEN_MS = Number(process.env.OPEN_S ?? 60) * 1_000;
const AFTER_MS = Number(process.env.AFTER_S ?? 5) * 1_000;
const RATE = Number(process.env.RATE ?? 1_000);
const TICK_MS = 20;
const GROUP = 'order-group';
const DATA = JSON.stringify({ orderId: 'order-00000000', note: 'n'.repeat(110) });

let closesAt = Infinity;
const seen = { sent: 0, refused: 0, handled: 0, charged: 0, putOff: 0, deadLetters: 0 };
const times = {};

const redis = await startRedisServer();
const app = await startApp();
try {
  const [cpu, redisCpu] = [process.cpuUsage(), await redisCpuMs()];
  const beganAt = Date.now();
  closesAt = beganAt + OPEN_MS;
  while (Date.now() < closesAt + AFTER_MS) {
    await send(Math.floor(((Date.now() - beganAt) * RATE) / 1_000) - seen.sent);
    await delay(TICK_MS);
  }
  while (seen.handled < seen.sent && Date.now() < closesAt + 120_000) await delay(TICK_MS);
  const { user, system } = process.cpuUsage(cpu);
  const [pending] = await redis.client.xpending('orders', GROUP);
  console.log(
    JSON.stringify({
      ...{ openMs: OPEN_MS, rate: RATE, ...seen, pending },
      firstHandledAfterMs: times.first - closesAt,
      backlogDoneAfterMs: times.backlog - closesAt,
      ...{
        nodeCpuMs: Math.round((user + system) / 1_000),
        redisCpuMs: Math.round((await redisCpuMs()) - redisCpu),
      },
    }),
  );
} finally {
  await app.close();
  await redis.stop();
}

async function send(count) {
  if (count <= 0) return;
  const pipeline = redis.client.pipeline();
  for (let i = 0; i < count; i += 1) pipeline.xadd('orders', '*', 'data', DATA, 'retry', '0');
  await pipeline.exec();
  seen.sent += count;
}

async function startApp() {
  const waiting = new Set();
  class Handler {
    handle(_order, context) {
      const leftMs = closesAt - Date.now();
      if (leftMs > 0) {
        seen.refused += 1;
        waiting.add(context.getEntryId());
        // As breakers say it: in whole seconds.
        throw Object.assign(new Error('The breaker is open'), {
          code: 'CIRCUIT_OPEN',
          retryAfter: Math.ceil(leftMs / 1_000),
        });
      }
      seen.handled += 1;
      if (context.getDeliveryCount() > 1) seen.charged += 1;
      times.first ??= Date.now();
      if (waiting.delete(context.getEntryId()) && waiting.size === 0) times.backlog = Date.now();
    }
  }
  Controller()(Handler);
  const descriptor = Object.getOwnPropertyDescriptor(Handler.prototype, 'handle');
  Payload()(Handler.prototype, 'handle', 0);
  Ctx()(Handler.prototype, 'handle', 1);
  EventPattern('orders')(Handler.prototype, 'handle', descriptor);
  class App {}
  Module({ controllers: [Handler] })(App);
  const strategy = new RedisStreamsServer({ connection: { url: redis.url }, group: GROUP, log: 'error' });
  strategy.on('put-off', () => (seen.putOff += 1));
  strategy.on('retry-scheduled', () => (seen.charged += 1));
  strategy.on('dead-lettered', () => (seen.deadLetters += 1));
  const service = await NestFactory.createMicroservice(App, { strategy, logger: false });
  await service.listen();
  return service;
}

async function redisCpuMs() {
  const info = await redis.client.info('cpu');
  const seconds = (name) => Number(info.match(new RegExp(`${name}:([\\d.]+)`))?.[1] ?? 0);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
}
