import { RestrictedRedis } from '../../support/acl.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { closedGate } from '../../support/gate.js';
import { openRedis } from '../../support/open-redis.js';
import { startServer } from '../../support/started-server.js';
import { loadFunctions } from '../../../src/transport/index.js';

const STREAM = 'orders';
const UNREAD = 40;

/** What a producer may do to others, and what tells of it: docs/security.md says it in the same words. */
describe('The user "producer" of ops/redis/users.acl', () => {
  let redis: RestrictedRedis;

  beforeAll(async () => {
    redis = await RestrictedRedis.start();
    await loadFunctions({ url: redis.url('deploy') });
  });
  afterAll(() => redis.stop());

  it('can trim what the group has not read, and that is said, counted and shown', async () => {
    const door = closedGate();
    const consumer = await startServer({
      ...{ stream: STREAM, url: redis.url('consumer'), options: { maxInFlight: 1 } },
      handler: () => door.pass(),
    });
    const producer = openRedis(redis.url('producer'));
    try {
      await producer.xadd(STREAM, '*', 'orderId', 'first');
      await eventually(() => (consumer.told.received.length === 1 ? true : undefined));
      await consumer.server.recovery.runOnce();
      // All at once: what the consumer has read ahead is not lost.
      const step = producer.pipeline();
      for (let i = 0; i < UNREAD; i += 1) step.xadd(STREAM, '*', 'orderId', `unread-${i}`);
      await step.xadd(STREAM, 'MAXLEN', '=', '1', '*', 'orderId', 'last').exec();
      door.open();
      const lost = (): number => consumer.told.lost.reduce((sum, { count }) => sum + count, 0);
      await eventuallyPasses(() => expect(lost()).toBeGreaterThan(UNREAD / 2));
      expect(consumer.told.lost[0]).toMatchObject({ stream: STREAM, reason: 'removed' });
      const { ready, warnings } = await consumer.server.checkHealth();
      expect(ready).toBe(true);
      expect(warnings).toMatchObject([{ code: 'entries-lost', value: lost() }]);
    } finally {
      producer.disconnect();
      door.open();
      await consumer.close();
    }
  });

  it.each([
    ['read', ['XRANGE', STREAM, '-', '+']],
    ['delete', ['XDEL', STREAM, '1-1']],
    ['trim without adding', ['XTRIM', STREAM, 'MAXLEN', '0']],
    ['remove the stream', ['DEL', STREAM]],
    ['rename it', ['RENAME', STREAM, 'other']],
    ['set the group', ['XGROUP', 'SETID', STREAM, 'g', '$']],
    ['write a dead letter', ['XADD', 'orders.DLT', '*', 'a', 'b']],
    ['forge a note', ['ZADD', `{${STREAM}}:@replays`, '1', '1-1']],
  ])('cannot %s', async (_, [command = '', ...args]) => {
    const producer = openRedis(redis.url('producer'));
    try {
      await expect(producer.call(command, ...args)).rejects.toThrow('NOPERM');
    } finally {
      producer.disconnect();
    }
  });

  it('could not be given a function in place of XADD: Redis runs functions with the rights of the caller', async () => {
    await redis.admin.call(
      'FUNCTION',
      'LOAD',
      'REPLACE',
      "#!lua name=intake\nredis.register_function('intake', function(keys, args)\n" +
        "  return redis.call('XADD', keys[1], '*', 'data', args[1])\nend)",
    );
    await redis.admin.acl(
      'SETUSER',
      'intake',
      'on',
      '>secret-of-intake',
      'resetkeys',
      `~${STREAM}`,
      '+fcall',
    );
    const intake = openRedis(redis.url('intake'));
    try {
      const added = intake.call('FCALL', 'intake', '1', STREAM, '{}');
      await expect(added).rejects.toThrow(/permission|user executing the script can't run this command/);
    } finally {
      intake.disconnect();
    }
  });
});
