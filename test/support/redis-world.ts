import type { Redis } from 'ioredis';
import { RedisStreamBroker } from '../../src/transport/redis/broker/redis-stream-broker.js';
import { DeadLetters } from '../../src/transport/dead-letters/dead-letters.js';
import {
  deadLetterKeyOf,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
} from '../../src/transport/entry/names.js';
import { applicationKeyOf, effectsKeyOf, type Sight, type StreamWorld } from './stream-world.js';
import { noteReplayed } from './provenance.js';
import { uniqueName } from './unique-name.js';

const GROUP = 'model-group';
/** Redis cannot wait without a time limit that is above nothing. */
const BLOCK_MS = 1;

/** Time cannot be moved in a Redis; that an entry is older, and a due time nearer, can be said. */
const PASS_TIME = `
  if redis.call('EXISTS', KEYS[1]) == 1 and redis.pcall('XPENDING', KEYS[1], ARGV[1]).err == nil then
    for _, row in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000)) do
      if #redis.call('XRANGE', KEYS[1], row[1], row[1]) > 0 then
        redis.call('XCLAIM', KEYS[1], ARGV[1], row[2], 0, row[1], 'IDLE', row[3] + ARGV[2], 'JUSTID')
      end
    end
  end
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    redis.call('ZINCRBY', KEYS[2], -ARGV[2], id)
  end`;

/** A deleted entry cannot be made older, so it is old from the beginning. */
const DELETE_PENDING = `
  local row = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1]
  if row and #redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], row[2], 0, ARGV[2], 'IDLE', 86400000, 'JUSTID')
  end
  redis.call('XDEL', KEYS[1], ARGV[2])`;

/** A world on a real Redis, on keys of its own. `redis` is the test's own connection. */
export function redisWorld(redis: Redis, url: string): StreamWorld {
  const stream = uniqueName('model');
  const letters = deadLetterKeyOf(stream);
  const key = (part: string): string => helperKeyOf(stream, GROUP, part);
  const brokers: { close(): Promise<void> }[] = [];
  let opened: DeadLetters | undefined;
  const operator = (): DeadLetters => {
    opened ??= new DeadLetters({ connection: { url }, pattern: stream });
    return opened;
  };
  return {
    stream,
    isFake: false,
    broker(consumer) {
      const options = { connection: { url }, group: GROUP, consumer, blockMs: BLOCK_MS };
      const broker = new RedisStreamBroker(options);
      brokers.push(broker);
      return broker;
    },
    add: async (parts) => (await redis.xadd(stream, '*', ...parts)) ?? '',
    async delete(id) {
      await redis.eval(DELETE_PENDING, 1, stream, GROUP, id);
    },
    async noteReplayed(id) {
      await noteReplayed(redis, stream, id);
    },
    noted: async () => ({
      replayed: await redis.zcard(replayNotesOf(stream)),
      letters: await redis.zcard(letterNotesOf(stream)),
      deadLettered: await redis.zcard(key('dead-lettered')),
    }),
    async replay(id) {
      const taken = await operator().replay(id, { by: 'operator' });
      if (taken.outcome !== 'done' || taken.entryId === undefined) return taken;
      const [entry] = await redis.xrangeBuffer(stream, taken.entryId, taken.entryId);
      return { ...taken, parts: entry?.[1] ?? [] };
    },
    discard: (id) => operator().discard(id, { by: 'operator' }),
    async loseWaitingList() {
      await redis.del(key('retry'));
    },
    async destroyGroup() {
      if ((await redis.exists(stream)) === 1) await redis.xgroup('DESTROY', stream, GROUP);
    },
    async passTime(ms) {
      await redis.eval(PASS_TIME, 2, stream, key('retry'), GROUP, ms);
    },
    look: () => lookAt(redis, stream, letters, key),
    hash: (name) => redis.hgetall(name),
    async close() {
      await Promise.all(brokers.map((broker) => broker.close()));
      await opened?.close();
      await redis.unlink(
        stream,
        letters,
        key('retry'),
        key('floor'),
        key('ack-waits'),
        effectsKeyOf(stream),
        applicationKeyOf(stream),
      );
    },
  };
}

async function lookAt(
  redis: Redis,
  stream: string,
  letters: string,
  key: (part: string) => string,
): Promise<Sight> {
  const nothing = (): [] => [];
  const [time, groups, entries, rows, waiting, floor, effects, application, dead] = await Promise.all([
    redis.time(),
    redis.xinfo('GROUPS', stream).catch(nothing) as Promise<(string | number)[][]>,
    redis.xrange(stream, '-', '+'),
    redis.xpending(stream, GROUP, '-', '+', 100_000).catch(nothing) as Promise<
      [id: string, owner: string, idleMs: number, count: number][]
    >,
    redis.zrange(key('retry'), 0, -1, 'WITHSCORES'),
    redis.get(key('floor')),
    redis.hgetall(effectsKeyOf(stream)),
    redis.hgetall(applicationKeyOf(stream)),
    redis.xrangeBuffer(letters, '-', '+'),
  ]);
  const due = new Map<string, number>();
  for (let i = 0; i < waiting.length; i += 2) due.set(waiting[i] ?? '', Number(waiting[i + 1]));
  const lastDelivered = groups[0]?.[groups[0].indexOf('last-delivered-id') + 1];
  return {
    now: Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000),
    lastDelivered: lastDelivered === undefined ? undefined : String(lastDelivered),
    floor: floor ?? undefined,
    entries: new Set(entries.map(([id]) => id)),
    pending: new Map(rows.map(([id, owner, idleMs, count]) => [id, { owner, idleMs, count }])),
    waiting: due,
    effects,
    application,
    letters: dead.map(([id, parts]) => ({ id: id.toString(), parts })),
  };
}
