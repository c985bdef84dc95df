// Nest's own Redis transport: Pub/Sub, so what nobody receives is lost.
import { URL } from 'node:url';
import { ClientRedis, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { Meter } from '../parts/meter.js';
import { keepInFlight } from '../parts/in-flight.js';
import { startNestApp } from '../parts/nest-app.js';
import { orderEvent } from '../parts/order-events.js';
import { runStep } from '../parts/run-step.js';

function optionsOf(url) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** It keeps nothing, so the events come while it consumes: from a process of their own, as fast as a pipeline gives them. */
export async function consume({ url, count }) {
  const meter = new Meter(count);
  const app = await startNestApp({ transport: Transport.REDIS, options: optionsOf(url) }, () => meter.tick());
  void runStep('nest-redis', 'publishAll', { url, count });
  const result = await meter.ended;
  await app.close();
  return result;
}

export async function publishAll({ url, count }) {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url);
  for (let sent = 0; sent < count; sent += 1_000) {
    const pipeline = redis.pipeline();
    for (let i = sent; i < Math.min(count, sent + 1_000); i += 1) {
      pipeline.publish('orders', JSON.stringify({ pattern: 'orders', data: orderEvent(i) }));
    }
    await pipeline.exec();
  }
  await redis.quit();
}

export async function produce({ url, count, width }) {
  const client = new ClientRedis(optionsOf(url));
  await client.connect();
  const meter = new Meter(count);
  meter.begin();
  await keepInFlight(count, width, async (number) => {
    await lastValueFrom(client.emit('orders', orderEvent(number)), { defaultValue: undefined });
    meter.seen += 1;
  });
  const result = meter.result();
  await client.close();
  return result;
}
