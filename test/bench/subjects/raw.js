// The least that reading a stream takes: XREADGROUP, JSON.parse, one XACK for each batch, one after the other.
import { setTimeout as delay } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { fillStream, orderEvent } from '../parts/order-events.js';
import { Meter } from '../parts/meter.js';

const STREAM = 'orders';
const GROUP = 'order-group';

/** `client` names the package: ioredis as the product ships it, or the other major version. */
async function connect(url, client = 'ioredis', options = {}) {
  const { Redis } = await import(client);
  const redis = new Redis(url, options);
  await redis.ping();
  return redis;
}

export async function fill({ url, count, client, failing }) {
  const redis = await connect(url, client);
  await redis.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  await fillStream(redis, STREAM, count, { failing });
}

export async function consume({ url, count, client }) {
  const redis = await connect(url, client);
  const meter = new Meter(count);
  let sum = 0;
  meter.begin();
  while (meter.seen < count) {
    const reply = await redis.xreadgroup(
      ...['GROUP', GROUP, 'raw', 'COUNT', 1_000, 'BLOCK', 1_000, 'STREAMS', STREAM, '>'],
    );
    const entries = reply?.[0]?.[1] ?? [];
    for (const [, fields] of entries) sum += JSON.parse(fields[1]).amount;
    if (entries.length > 0) await redis.xack(STREAM, GROUP, ...entries.map(([id]) => id));
    meter.seen += entries.length;
  }
  return { ...meter.result(), sum };
}

export async function takeOver({ url, count, client }) {
  const redis = await connect(url, client);
  const meter = new Meter(count);
  meter.begin();
  for (let cursor = '0-0'; meter.seen < count;) {
    const [next, entries] = await redis.xautoclaim(STREAM, GROUP, 'alive', 0, cursor, 'COUNT', 100);
    if (entries.length > 0) await redis.xack(STREAM, GROUP, ...entries.map(([id]) => id));
    meter.seen += entries.length;
    cursor = next;
  }
  return meter.result();
}

/** Leaves all entries pending for a consumer that is gone. */
export async function abandon({ url, count }) {
  const redis = await connect(url);
  for (let read = 0; read < count; read += 1_000) {
    await redis.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 1_000, 'STREAMS', STREAM, '>');
  }
}

/** `width` events in each explicit pipeline. */
export async function produce({ url, count, client, width }) {
  const redis = await connect(url, client);
  const meter = new Meter(count);
  meter.begin();
  while (meter.seen < count) {
    const pipeline = redis.pipeline();
    for (let i = 0; i < width; i += 1) {
      pipeline.xadd(STREAM, '*', 'data', JSON.stringify(orderEvent(meter.seen + i)), 'retry', '0');
    }
    await pipeline.exec();
    meter.seen += width;
  }
  return meter.result();
}

/** Sends events at a steady rate, each with the time at which it was sent. */
export async function send({ url, count, perSecond }) {
  const redis = await connect(url);
  const startedAt = performance.now();
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000));
    for (; sent < due; sent += 1) {
      void redis.xadd(STREAM, '*', 'data', JSON.stringify(orderEvent(sent, now())), 'retry', '0');
    }
    await delay(1);
  }
  await redis.quit();
}

export async function receive({ url, count }) {
  const redis = await connect(url);
  const latencies = [];
  while (latencies.length < count) {
    const reply = await redis.xreadgroup(
      ...['GROUP', GROUP, 'raw', 'COUNT', 1_000, 'BLOCK', 1_000, 'STREAMS', STREAM, '>'],
    );
    const entries = reply?.[0]?.[1] ?? [];
    for (const [, fields] of entries) latencies.push(now() - JSON.parse(fields[1]).createdAt);
    if (entries.length > 0) await redis.xack(STREAM, GROUP, ...entries.map(([id]) => id));
  }
  return { latencies };
}

/** Microseconds on the clock that all processes of a machine share. */
export function now() {
  return Number(process.hrtime.bigint() / 1_000n);
}
