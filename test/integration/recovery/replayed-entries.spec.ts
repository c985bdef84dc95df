import type { Redis } from 'ioredis';
import { DeadLetters } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';

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
});
