import { startRedisServer } from '../bench/parts/redis-server.js';
import { orderEvent } from '../bench/parts/order-events.js';
import { until, WalkedProcess } from './walked-process.js';

const STREAM = 'orders';
const GROUP = 'order-group';
const FAILING = 'fail-';
/** As many as a walk sends, the one that warms up included. */
const LETTERS = 6;
const SERVICE = {
  ...{ STREAM_KEY: STREAM, GROUP_NAME: GROUP, HOST: '127.0.0.1', PORT: '0', LOG_FORMAT: 'json' },
  ...{ BACKOFF_INITIAL_MS: '100', BACKOFF_FACTOR: '1', RECOVERY_INTERVAL_MS: '500' },
};

/** What a message can go through, each with a Redis and a process of its own. */
export const FLOWS = {
  order: {
    title: 'POST /orders until GET says that it is processed',
    walk: () => onRedis((redis) => onService(redis, {}, (service) => service.process.walk(order(service)))),
  },
  emit: {
    title: 'emit by a client until Redis has answered',
    walk: () => onRedis((redis) => withProcess('test/walk/programs/client.js', redis, emit)),
  },
  consume: {
    title: 'an entry until its plain handler has ended and it is acknowledged',
    walk: () => onRedis((redis) => withProcess('test/walk/programs/consumer.js', redis, consume(redis))),
  },
  failure: {
    title: 'POST /orders until its attempts have failed and it is a dead letter',
    walk: () =>
      onRedis((redis) =>
        onService(redis, { FAIL_ORDER_PREFIX: FAILING }, (service) =>
          service.process.walk(fail(redis, service)),
        ),
      ),
  },
  replay: {
    title: 'POST /dead-letters/replay until the order of the dead letter is processed',
    walk: () =>
      onRedis(async (redis) => {
        await onService(redis, { FAIL_ORDER_PREFIX: FAILING }, async (service) => {
          for (let number = 0; number < LETTERS; number += 1) await fail(redis, service)(number);
        });
        return onService(redis, {}, (service) => service.process.walk(replay(redis, service)));
      }),
  },
};

const order = (service) => async (number) => {
  const { orderId } = await service.place(`order-${number}`);
  await until(async () => (await service.get(`/orders/${orderId}`)).state === 'processed');
};

const emit = async (process) => {
  await process.saying((line) => line === 'ready');
  return process.walk((number) => process.ask({ emit: orderEvent(number) }));
};

const consume = (redis) => async (process) => {
  await process.saying((line) => line === 'ready');
  return process.walk(async (number) => {
    await redis.xadd(STREAM, '*', 'data', JSON.stringify(orderEvent(number)), 'retry', '0');
    await settled(redis);
  });
};

const fail = (redis, service) => async (number) => {
  const letters = await redis.xlen(`${STREAM}.DLT`);
  await service.place(`${FAILING}${number}`);
  await until(async () => (await redis.xlen(`${STREAM}.DLT`)) > letters);
  await settled(redis);
};

const replay = (redis, service) => async (number) => {
  const orderId = `${FAILING}${number}`;
  const letters = await redis.xlen(`${STREAM}.DLT`);
  await service.post('/dead-letters/replay', { filter: { orderId } });
  await until(async () => (await redis.xlen(`${STREAM}.DLT`)) < letters);
  await until(async () => (await redis.hget(`{${STREAM}}:@replay-job`, 'state')) === 'done');
  await settled(redis);
};

/** Until the group has been given all that there is, and has acknowledged it. */
function settled(redis) {
  return until(async () => {
    const [group] = await redis.xinfo('GROUPS', STREAM);
    const value = (name) => group[group.indexOf(name) + 1];
    return value('lag') === 0 && value('pending') === 0;
  });
}

async function onRedis(use) {
  const redis = await startRedisServer();
  try {
    return await use(Object.assign(redis.client, { url: redis.url }));
  } finally {
    await redis.stop();
  }
}

async function withProcess(program, redis, use, env = {}) {
  const process = new WalkedProcess(program, { REDIS_URL: redis.url, STREAM, GROUP, ...env });
  try {
    return await use(process);
  } finally {
    await process.end();
  }
}

function onService(redis, env, use) {
  return withProcess('dist/main.js', redis, async (process) => use(await readyService(process)), {
    ...SERVICE,
    ...env,
  });
}

/** The service by its routes, once it says where it listens. */
async function readyService(process) {
  const line = await process.saying((said) => said.startsWith('{') && 'url' in JSON.parse(said));
  const { url } = JSON.parse(line);
  const get = async (path) => json(await fetch(`${url}${path}`), 200);
  const post = async (path, body) =>
    json(
      await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
      202,
    );
  const place = async (orderId) => {
    const { customerId, amount, currency, items } = orderEvent(0);
    return post('/orders', { orderId, customerId, amount, currency, items });
  };
  return { process, get, post, place };
}

async function json(response, wanted) {
  const body = await response.json();
  if (response.status === wanted) return body;
  throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(body)}`);
}
