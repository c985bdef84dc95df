import type { StreamWrite } from '../../../src/transport/entry/writes.js';
import { writeArguments } from '../../../src/transport/redis/lua/settlement-calls.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

/** The call of a function: its keys by what they are, in the order in which it declares them, and its arguments. */
interface Call {
  readonly keys: readonly string[];
  readonly args: (id: string) => readonly (string | number)[];
  /** Whether writes of the application travel with it. */
  readonly takesWrites?: boolean;
}

const CALLS: Record<string, Call> = {
  enqueue: {
    keys: ['stream', 'mark'],
    args: () => [1, 0, 1, '0', 60_000, 2, 'orderId', '1'],
    takesWrites: true,
  },
  enqueue_all: { keys: ['stream', 'mark'], args: () => [1, 0, 1, '0', 60_000, 1, 2, 'orderId', '1'] },
  enqueue_once: {
    keys: ['stream', 'dedup'],
    args: () => [1, 1_000, '', 2, 'orderId', '1'],
    takesWrites: true,
  },
  ensure_group: {
    keys: ['stream', 'floor', 'replayed', 'dead-lettered', 'unread'],
    args: () => ['another-group', 'worker'],
  },
  watch_unread: { keys: ['stream', 'unread', 'floor'], args: () => [GROUP, 'worker', 1, 0, 0, 'c'] },
  probe: { keys: ['stream', 'probe'], args: () => [GROUP, 60_000] },
  keep_floor: { keys: ['stream', 'floor'], args: () => [GROUP] },
  extend: { keys: ['stream'], args: (id) => [GROUP, 'worker', id, 1] },
  park: { keys: ['stream', 'retry'], args: (id) => [GROUP, 'worker', id, id, JSON.stringify([id, 1, 0, 0])] },
  release: { keys: ['stream', 'retry'], args: (id) => [GROUP, 'worker', 0, id, 1] },
  put_off: { keys: ['stream', 'retry'], args: (id) => [GROUP, 'worker', 0, id, 1, '1:20', 1_000] },
  begin: { keys: ['stream'], args: () => [GROUP, 'worker'] },
  claim_due: { keys: ['stream', 'retry'], args: () => [GROUP, 'worker', 10, 60_000] },
  claim_abandoned: { keys: ['stream'], args: (id) => [GROUP, 'other', 'worker', 0, id, 1] },
  dead_letter: {
    keys: ['stream', 'letters', 'retry', 'receipt', 'letter-notes', 'dead-lettered'],
    args: (id) => [GROUP, 'worker', id, 1, 0, 0, 2, 'dlt-reason', 'malformed', 0],
    takesWrites: true,
  },
  commit: {
    keys: ['stream', 'commits'],
    args: (id) => [GROUP, 'worker', 1, 100, 60_000, id, id, JSON.stringify([[id, 1, [], []]])],
  },
  settle: { keys: ['stream'], args: (id) => [GROUP, id, 'worker', 1] },
  repair_parked: { keys: ['stream', 'retry'], args: () => [GROUP, '-', 100] },
  repair_waiting: { keys: ['stream', 'retry'], args: () => [GROUP, 0, 100] },
  free_future: { keys: ['stream', 'retry'], args: () => [GROUP, '-', 100] },
  reap_consumer: { keys: ['stream', 'ack-waits', 'retry-delays'], args: () => [GROUP, 'idle-consumer', 0] },
  trim: { keys: ['stream', 'unread'], args: () => [0, 1, 100] },
  cap: { keys: ['stream', 'unread'], args: () => [1] },
};

/** Everything that a function could write to, with something to do for each of them. */
async function furnish(world: FunctionWorld): Promise<string> {
  const [parked, mine] = [await world.add(), await world.add()];
  await world.deliver();
  await world.redis.xgroup('CREATECONSUMER', world.stream, GROUP, 'idle-consumer');
  await world.redis.xclaim(world.stream, GROUP, '@retry', 0, parked, 'JUSTID');
  await world.redis.zadd(world.key('retry'), 1, parked, 1, '99-1');
  await world.redis.zadd(world.key('ack-waits'), 1, 'idle-consumer');
  return mine;
}

const nameOf = (world: FunctionWorld, key: Call['keys'][number]): string => {
  if (key === 'stream') return world.stream;
  return key === 'letters' ? world.letters : world.key(key);
};

const CASES = Object.entries(CALLS).flatMap(([name, call]) =>
  call.keys.map((key) => [name, key, call] as const),
);
const TAKES_WRITES = Object.entries(CALLS).filter(([, { takesWrites }]) => takesWrites === true);

const WRITES: Record<string, (record: string) => StreamWrite[]> = {
  'a key of another type': (record) => [
    { command: 'hset', key: `${record}:good`, args: ['a', 1] },
    { command: 'hset', key: record, args: ['a', 1] },
  ],
  'a type that an earlier write of the same step makes': (record) => [
    { command: 'set', key: `${record}:new`, args: ['text'] },
    { command: 'hsetnx', key: `${record}:new`, args: ['a', 1] },
  ],
  'a command that is not offered': (record) => [
    { command: 'hset', key: `${record}:good`, args: ['a', 1] },
    { command: 'flushall' as 'del', key: record, args: [] },
  ],
};

onEveryServer('A function that cannot do all of it does nothing', (world) => {
  it.each(CASES)('%s, when its %s holds another type', async (name, wrong, { keys, args, takesWrites }) => {
    const id = await furnish(world());
    await world().redis.del(nameOf(world(), wrong));
    await world().redis.hset(nameOf(world(), wrong), 'a', 'hash');
    const before = await world().dump();
    const call = world().call(
      name,
      keys.map((key) => nameOf(world(), key)),
      [...args(id), ...(takesWrites ? [0] : [])],
    );
    await expect(call).rejects.toThrow(/^WRONGTYPE/);
    expect(await world().dump()).toEqual(before);
  });

  describe.each(TAKES_WRITES)('%s', (name, { keys, args }) => {
    it.each(Object.entries(WRITES))('with a write to %s', async (_, writes) => {
      const id = await furnish(world());
      await world().redis.set(world().key('record'), 'text');
      const before = await world().dump();
      const laidOut = writeArguments(writes(world().key('record')), keys.length);
      const call = world().call(
        name,
        [...keys.map((key) => nameOf(world(), key)), ...laidOut.keys],
        [...args(id), ...laidOut.args],
      );
      await expect(call).rejects.toThrow(/UNUSABLE write|is not offered/);
      expect(await world().dump()).toEqual(before);
    });
  });
});
