import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { Idempotent, RedisStreamsClient, RedisStreamsServer } from '../../../dist/transport/index.js';
import { Meter } from '../parts/meter.js';
import { startNestApp } from '../parts/nest-app.js';
import { orderEvent } from '../parts/order-events.js';
import { keepInFlight } from '../parts/in-flight.js';
import { now } from './raw.js';

export { fill, abandon, send } from './raw.js';

const GROUP = 'order-group';
const RULES = { transform: true, whitelist: true, forbidNonWhitelisted: true };

/** Longer than any round: what should be off never has its time. */
const NEVER_MS = 3_600_000;

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
  idempotent: () => ({ decorators: [Idempotent((order) => order.orderId)] }),
  commit: () => ({ succeed: commitOrder }),
  idempotentCommit: () => ({ decorators: [Idempotent((order) => order.orderId)], succeed: commitOrder }),
  unattended: () => ({ options: { recoveryIntervalMs: NEVER_MS, ackWaitMs: NEVER_MS } }),
  metrics: async () => {
    const { ServiceMetrics } = await import('../../../dist/operations/metrics/service-metrics.js');
    return { observe: (server) => new ServiceMetrics(server, NO_STREAMS, METRICS_OPTIONS, NO_STORE) };
  },
};
/** Nobody asks for the metrics here, only what they count costs. */
const NO_STREAMS = { take: () => Promise.resolve({ streams: [] }) };
const NO_STORE = { check: () => Promise.resolve(undefined) };
const METRICS_OPTIONS = {
  thresholds: { lag: 1_000, oldestPendingMs: 60_000, deadLetters: 1 },
  recoveryIntervalMs: 1_000,
};

/** A record of the order and a follow-up event. */
function commitOrder({ orderId }, context) {
  context.commit((tx) =>
    tx.hset(`{orders}:order:${orderId}`, { state: 'processed' }).emit('orders.processed', { orderId }),
  );
}

async function orderType() {
  return (await import('../../../dist/orders/dto/order-event.dto.js')).OrderEventDto;
}

export async function consume({ url, count, variant = 'plain', failing = 0, warmUp = 0, options = {} }) {
  const good = failing > 0 ? count - Math.ceil(count / failing) : count;
  const { succeed, observe, options: own, ...handler } = await VARIANTS[variant]();
  const meter = new Meter(good, warmUp * good);
  const connection = { url };
  const strategy = new RedisStreamsServer({ connection, group: GROUP, ...own, ...options });
  observe?.(strategy);
  const isDone = succeed === undefined ? undefined : committed(strategy, good);
  const app = await startNestApp(
    { strategy },
    (order, context) => {
      if (failing > 0 && order.orderId.startsWith('fail-')) throw new Error('fails on purpose');
      succeed?.(order, context);
      meter.tick();
    },
    handler,
  );
  await isDone;
  const result = isDone ? meter.result() : await meter.ended;
  await app.close();
  return result;
}

/** A commit is done when Redis has answered, not when its handler has ended. */
function committed(strategy, count) {
  let seen = 0;
  return new Promise((resolve) => {
    strategy.on('processed', () => {
      seen += 1;
      if (seen === count) resolve();
    });
  });
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

export async function produce({ url, count, width, warmUp = 0 }) {
  const client = new RedisStreamsClient({ connection: { url }, maxPendingEmits: 2 * width });
  await client.connect();
  const meter = new Meter(count);
  const emit = (number) => firstValueFrom(client.emit('orders', orderEvent(number)));
  await keepInFlight(count * warmUp, width, emit);
  meter.begin();
  await keepInFlight(count * (1 - warmUp), width, async (number) => {
    await emit(number);
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
