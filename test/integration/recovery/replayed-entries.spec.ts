import type { Redis } from 'ioredis';
import { DeadLetters, NonRetryableError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer, type TestHandler } from '../../support/started-server.js';

describe('An entry that was replayed', () => {
  let redis: Redis;
  let servers: StartedServer[];
  let deadLetters: DeadLetters;

  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    servers = [];
  });
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await deadLetters.close();
    redis.disconnect();
  });

  it('runs again in the group that it failed in, and in no other', async () => {
    const runs: string[] = [];
    let isMended = false;
    const failing = await startServer({
      retry: { maxRetries: 0 },
      handler: () => {
        runs.push('failing');
        if (!isMended) throw new Error('not yet');
      },
    });
    const { stream } = failing;
    const fine = await startServer({ stream, group: 'fine', handler: () => void runs.push('fine') });
    servers.push(failing, fine);
    deadLetters = new DeadLetters({ connection: { url: sharedRedisUrl() }, pattern: stream });
    await redis.xadd(stream, '*', 'orderId', '1');
    const letterId = await eventually(() => failing.told['dead-lettered'][0]?.deadLetterId);
    await eventually(() => fine.told.processed[0]);

    isMended = true;
    const { entryId = '' } = await deadLetters.replay(letterId, { by: 'test' });
    await eventually(() => failing.told.processed.find((event) => event.entryId === entryId));
    await eventually(() => fine.told.skipped.find((event) => event.entryId === entryId));
    expect(fine.told.skipped[0]).toMatchObject({ group: 'fine', replayGroup: failing.group });
    expect(runs.sort()).toEqual(['failing', 'failing', 'fine']);
    await eventually(async () => {
      for (const group of [failing.group, 'fine']) expect((await redis.xpending(stream, group))[0]).toBe(0);
      return true;
    });
  });

  it('that cannot be decoded is no failure of a group that it is not for', async () => {
    const failing = await startServer({ handler: () => undefined });
    const { stream } = failing;
    servers.push(failing);
    deadLetters = new DeadLetters({ connection: { url: sharedRedisUrl() }, pattern: stream });
    await redis.xadd(stream, '*', 'data', '{');
    const letterId = await eventually(() => failing.told['dead-lettered'][0]?.deadLetterId);
    const fine = await startServer({ stream, group: 'fine', handler: () => undefined });
    servers.push(fine);
    await eventually(() => fine.told['dead-lettered'][0]);
    const { entryId = '' } = await deadLetters.replay(letterId, { by: 'test' });
    await eventually(() => fine.told.skipped.find((event) => event.entryId === entryId));
    await eventually(() => failing.told['dead-lettered'].find((event) => event.entryId === entryId));
    expect(fine.told.failed.map((event) => event.entryId)).not.toContain(entryId);
  });

  it.each([
    ['replay-group', 'a-group-that-is-not-there'],
    ['replay-group', ''],
    ['dlt-replays', '7'],
    ['replay-history', '1-1:2-2'],
  ])('by nobody but says so runs in every group, and is told of: %s %s', async (name, value) => {
    const runs: [string, number, string | undefined][] = [];
    const handler =
      (group: string): TestHandler =>
      (_, context) => {
        runs.push([group, context.getReplays(), context.getHeaders()[name]]);
        if (group === 'failing') throw new NonRetryableError('no');
      };
    const failing = await startServer({ handler: handler('failing') });
    const { stream } = failing;
    const fine = await startServer({ stream, group: 'fine', handler: handler('fine') });
    servers.push(failing, fine);
    deadLetters = new DeadLetters({ connection: { url: sharedRedisUrl() }, pattern: stream });
    const entryId = await redis.xadd(stream, '*', 'data', '{"orderId":"1"}', name, value);

    const { deadLetterId = '' } = await eventually(() => failing.told['dead-lettered'][0]);
    await eventually(() => fine.told.processed[0]);

    expect(runs.sort()).toEqual([
      ['failing', 0, value],
      ['fine', 0, value],
    ]);
    for (const { told } of servers) {
      expect(told['replay-fields-ignored']).toMatchObject([{ entryId, fields: [name] }]);
      expect(told.skipped).toEqual([]);
    }
    expect(await deadLetters.find(deadLetterId)).toMatchObject({ foreign: false, replays: 0, history: [] });
  });

  it('has the number of its replays from the replays alone', async () => {
    const failing = await startServer({
      handler: () => {
        throw new NonRetryableError('no');
      },
    });
    servers.push(failing);
    deadLetters = new DeadLetters({ connection: { url: sharedRedisUrl() }, pattern: failing.stream });
    await redis.xadd(failing.stream, '*', 'data', '{}', 'dlt-replays', '40');
    for (let replays = 0; replays < 3; replays += 1) {
      const letter = await eventually(() => failing.told['dead-lettered'][replays]);
      expect(letter.replays).toBe(replays);
      const found = await deadLetters.find(letter.deadLetterId ?? '');
      expect(found).toMatchObject({ foreign: false, replays });
      expect(found?.history).toHaveLength(replays);
      await deadLetters.replay(letter.deadLetterId ?? '', { by: 'test' });
    }
    await eventually(() => failing.told['dead-lettered'][3]);
  });

  it('is dead-lettered once, however far its group is set back', async () => {
    const failing = await startServer({ handler: () => undefined });
    const { stream, group, told } = failing;
    servers.push(failing);
    deadLetters = new DeadLetters({ connection: { url: sharedRedisUrl() }, pattern: stream });
    const entryId = await redis.xadd(stream, '*', 'data', '{');
    await eventually(() => told['dead-lettered'][0]);

    await redis.xgroup('SETID', stream, group, '0');
    await eventually(() => told.duplicate[0]);
    const floor = `{${stream}}:${group}:floor`;
    await redis.multi().xgroup('DESTROY', stream, group).del(floor).exec();
    await eventually(() => told.duplicate[1]);

    expect(told.duplicate).toMatchObject([{ entryId }, { entryId }]);
    expect((await deadLetters.list({}, 10)).items).toHaveLength(1);
    await eventually(async () => (await redis.xpending(stream, group))[0] === 0);
  });
});
