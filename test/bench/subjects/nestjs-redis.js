import { setTimeout as delay } from 'node:timers/promises';
import { RedisStreamClient, RedisStreamServer } from '@nestjs-redis/streams-transporter';
import { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import { Meter } from '../parts/meter.js';
import { keepInFlight } from '../parts/in-flight.js';
import { startNestApp } from '../parts/nest-app.js';
import { orderEvent } from '../parts/order-events.js';
import { now } from './raw.js';

/** The largest batch that it offers; with its default of one it is slower still. */
const BATCH = 100;
const PREFIX = 'bench';
const GROUP = 'order-group';
const NAMES = { streamPrefix: PREFIX, consumerGroup: GROUP, maxStreamLength: 1_000_000 };

async function emitAll({ url, count, width, meter }) {
  const client = new RedisStreamClient({ url, ...NAMES });
  await client.connect();
  meter?.begin();
  await keepInFlight(count, width, async (number) => {
    await lastValueFrom(client.emit('orders', orderEvent(number)), { defaultValue: undefined });
    if (meter) meter.seen += 1;
  });
  const result = meter?.result();
  await client.close();
  return result;
}

/** It makes its group at the stream's end, so what was sent before the first start is lost; here the group comes first. */
export async function fill({ url, count }) {
  const redis = new Redis(url);
  await redis.xgroup('CREATE', `${PREFIX}:orders`, GROUP, '0', 'MKSTREAM');
  await redis.quit();
  return emitAll({ url, count, width: 1_000 });
}

export async function consume({ url, count }) {
  const meter = new Meter(count);
  const strategy = new RedisStreamServer({ url, ...NAMES, batchSize: BATCH });
  const app = await startNestApp({ strategy }, () => meter.tick());
  const result = await meter.ended;
  await app.close();
  return result;
}

export function produce({ url, count, width }) {
  return emitAll({ url, count, width, meter: new Meter(count) });
}

export async function send({ url, count, perSecond }) {
  const client = new RedisStreamClient({ url, ...NAMES });
  await client.connect();
  const startedAt = performance.now();
  const sent = [];
  while (sent.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000));
    while (sent.length < due) {
      const event = orderEvent(sent.length, now());
      sent.push(lastValueFrom(client.emit('orders', event), { defaultValue: undefined }));
    }
    await delay(1);
  }
  await Promise.all(sent);
}

export async function receive({ url, count }) {
  const latencies = [];
  let resolve;
  const ended = new Promise((done) => (resolve = done));
  const strategy = new RedisStreamServer({ url, ...NAMES, batchSize: BATCH });
  const app = await startNestApp({ strategy }, (order) => {
    latencies.push(now() - order.createdAt);
    if (latencies.length === count) resolve();
  });
  await ended;
  await app.close();
  return { latencies };
}
