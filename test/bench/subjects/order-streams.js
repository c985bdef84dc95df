import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient, RedisStreamsServer } from '../../../dist/transport/index.js';
import { Meter } from '../parts/meter.js';
import { startNestApp } from '../parts/nest-app.js';
import { orderEvent } from '../parts/order-events.js';
import { keepInFlight } from '../parts/in-flight.js';
import { now } from './raw.js';

export { fill, abandon, send } from './raw.js';

const GROUP = 'order-group';
const RULES = { transform: true, whitelist: true, forbidNonWhitelisted: true };

/** What each variant adds to the plain consumer, loaded only where it is used. */
const VARIANTS = {
  plain: () => ({}),
  validated: async () => {
    const { ValidationPipe } = await import('@nestjs/common');
    return { pipes: [new ValidationPipe(RULES)], payloadType: await orderType() };
  },
  compiled: async () => {
    const { CompiledValidationPipe } = await import('../../../dist/transport/validation/index.js');
    return { pipes: [new CompiledValidationPipe(RULES)], payloadType: await orderType() };
  },
};

async function orderType() {
  return (await import('../../../dist/orders/dto/order-event.dto.js')).OrderEventDto;
}

export async function consume({ url, count, variant = 'plain', failing = 0, options = {} }) {
  const good = failing > 0 ? count - Math.ceil(count / failing) : count;
  const meter = new Meter(good);
  const strategy = new RedisStreamsServer({ connection: { url }, group: GROUP, ...options });
  const app = await startNestApp(
    { strategy },
    (order) => {
      if (failing > 0 && order.orderId.startsWith('fail-')) throw new Error('fails on purpose');
      meter.tick();
    },
    await VARIANTS[variant](),
  );
  const result = await meter.ended;
  await app.close();
  return result;
}

/** Consumes beside others until the backlog is done. */
export async function consumePart({ url, count }) {
  const meter = new Meter(count);
  const redis = new Redis(url);
  const strategy = new RedisStreamsServer({ connection: { url }, group: GROUP });
  let last;
  const app = await startNestApp({ strategy }, () => {
    meter.tick();
    if (meter.seen % 64 === 0) last = meter.result();
  });
  for (;;) {
    const [group] = await redis.xinfo('GROUPS', 'orders');
    const value = (name) => group[group.indexOf(name) + 1];
    if (value('lag') === 0 && value('pending') === 0) break;
    await delay(20);
  }
  await app.close();
  return last ?? { messages: 0 };
}

export async function takeOver({ url, count }) {
  return consume({ url, count, options: { ackWaitMs: 1_000 } });
}

export async function produce({ url, count, width }) {
  const client = new RedisStreamsClient({ connection: { url }, maxPendingEmits: 2 * width });
  await client.connect();
  const meter = new Meter(count);
  meter.begin();
  await keepInFlight(count, width, async (number) => {
    await firstValueFrom(client.emit('orders', orderEvent(number)));
    meter.seen += 1;
  });
  const result = meter.result();
  await client.close();
  return result;
}

export async function receive({ url, count }) {
  const latencies = [];
  const ended = {};
  ended.promise = new Promise((resolve) => (ended.resolve = resolve));
  const strategy = new RedisStreamsServer({ connection: { url }, group: GROUP });
  const app = await startNestApp({ strategy }, (order) => {
    latencies.push(now() - order.createdAt);
    if (latencies.length === count) ended.resolve();
  });
  await ended.promise;
  await app.close();
  return { latencies };
}
