import { DeadLetters, ReplayJobs, type DeadLetter } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { noteLetters } from '../../support/provenance.js';
import { seedDeadLetters } from '../../support/seeded-dead-letters.js';
import { GROUP } from '../../support/started-server.js';

const MIB = 1_048_576;
const LARGE = 8 * MIB;
/** Together more than one call looks at, and far more than Redis sends in its time limit on a busy machine. */
const MANY = 20;
const OPERATOR = { by: 'test', reason: 'why' };

async function seedLarge(
  world: FunctionWorld,
  count: number,
  more: readonly string[] = [],
): Promise<string[]> {
  const data = `{"orderId":"large","note":"${'x'.repeat(LARGE)}"}`;
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const fields = ['data', data, ...more, 'dlt-reason', 'malformed', 'dlt-original-stream', world.stream];
    ids.push((await world.redis.xadd(world.letters, '*', ...fields)) ?? '');
  }
  await noteLetters(world.redis, world.stream, ids);
  return ids;
}

const shownBytes = ({ fields }: DeadLetter): number => fields.reduce((sum, part) => sum + part.length, 0);

onEveryServer('Dead letters of 8 MiB', (world) => {
  let letters: DeadLetters;
  beforeEach(() => {
    letters = new DeadLetters({ connection: { url: world().server.url }, pattern: world().stream });
  });
  afterEach(() => letters.close());

  const listAll = async (filter: Parameters<DeadLetters['list']>[0]): Promise<string[]> => {
    const ids: string[] = [];
    for (let cursor: string | undefined, isEnd = false; !isEnd;) {
      const { items, nextCursor } = await letters.list(filter, 7, cursor);
      ids.push(...items.map(({ id }) => id));
      cursor = nextCursor;
      isEnd = nextCursor === undefined;
    }
    return ids;
  };

  it('are listed, counted and found among small ones, with long values cut', async () => {
    const world_ = world();
    const seeding = { stream: world_.stream, group: GROUP, count: 2 };
    await seedDeadLetters(world_.redis, { ...seeding, prefix: 'early-' });
    const large = await seedLarge(world_, MANY);
    await seedDeadLetters(world_.redis, { ...seeding, prefix: 'late-' });
    const stored = (await listAll({})).reverse();
    expect(stored).toHaveLength(MANY + 4);
    expect(stored.slice(2, -2)).toEqual(large);

    const page = await letters.store.readDown('+', '-', 100);
    expect(page.length).toBeLessThan(MANY);
    expect(page.flatMap(({ fields }) => fields).reduce((sum, part) => sum + part.length, 0)).toBeLessThan(
      2 * MIB,
    );

    expect((await listAll({ reason: 'malformed' })).reverse()).toEqual(large);
    expect(await listAll({ payload: { orderId: 'early-0' } })).toEqual([stored[0]]);
    expect(await listAll({ payload: { orderId: 'large' } })).toEqual([]);
    expect(await letters.count({}, 1)).toMatchObject({ count: MANY + 4, complete: true, foreign: 0 });

    const letter = await letters.find(large[0] ?? '');
    expect(letter).toMatchObject({ reason: 'malformed', foreign: false, decoded: undefined });
    expect(letter?.truncation).toMatchObject({ omittedFields: 0 });
    expect([...(letter?.truncation?.fullLengths.values() ?? [])]).toEqual([
      `{"orderId":"large","note":""}`.length + LARGE,
    ]);
    expect(letter?.truncation?.bytes).toBeGreaterThan(LARGE);
    expect(letter && shownBytes(letter)).toBeLessThan(MIB);
  });

  it('go back whole, by themselves, edited and by a job, and are discarded', async () => {
    const world_ = world();
    const [first = '', second = '', third = '', ...rest] = await seedLarge(world_, MANY);
    expect(await letters.replay(first, OPERATOR)).toMatchObject({ outcome: 'done' });
    expect(await letters.replay(second, OPERATOR, '{"orderId":"1"}')).toMatchObject({ outcome: 'done' });
    expect(await letters.discard(third, OPERATOR)).toMatchObject({ outcome: 'done' });
    const lengths = async () =>
      (await world_.redis.xrange(world_.stream, '-', '+', 'COUNT', 2)).map(([, fields]) => fields[1]?.length);
    expect(await lengths()).toEqual([
      `{"orderId":"large","note":""}`.length + LARGE,
      '{"orderId":"1"}'.length,
    ]);

    const edit = (await letters.audit(3)).items[1];
    expect(edit?.details).toMatchObject({
      payloadAfter: '{"orderId":"1"}',
      payloadBefore: expect.stringMatching(/^\{"orderId":"large","note":"x+$/) as string,
      payloadBeforeBytes: String(`{"orderId":"large","note":""}`.length + LARGE),
    });

    const jobs = new ReplayJobs(letters);
    jobs.run();
    try {
      const filter = { reason: 'malformed' };
      expect(await jobs.start({ filter, ratePerSecond: 10_000, by: 'test' })).toMatchObject({
        started: { total: rest.length, isTotalComplete: true },
      });
      const job = await eventually(async () => {
        const current = await jobs.current();
        return current?.state === 'done' ? current : undefined;
      });
      expect(job).toMatchObject({ replayed: rest.length, skipped: 0 });
    } finally {
      await jobs.close();
    }
    expect(await world_.redis.xlen(world_.letters)).toBe(0);
    expect(await world_.redis.xlen(world_.stream)).toBe(2 + rest.length);
  });

  it('of very many fields, or of long names, say what they are all the same', async () => {
    const fields = Array.from({ length: 10_000 }, (_, i) => [`field-${i}`, 'x'.repeat(100)]).flat();
    const [id = ''] = await seedLarge(world(), 1, [...fields, 'n'.repeat(LARGE), '1']);
    const letter = await letters.find(id);
    expect(letter).toMatchObject({ reason: 'malformed', stream: world().stream, decoded: undefined });
    expect(letter?.truncation?.omittedFields).toBeGreaterThan(5_000);
    expect(letter && shownBytes(letter)).toBeLessThan(MIB);
  });

  it('are read up to 512 KiB as they are, and to the last id that there can be', async () => {
    const { redis, letters: key } = world();
    const data = JSON.stringify({ orderId: '1', note: 'x'.repeat(400_000) });
    const last = '18446744073709551615-18446744073709551615';
    await redis.xadd(key, '0-1', 'data', data);
    await redis.xadd(key, last, 'data', data);
    expect(await listAll({ payload: { orderId: '1' } })).toEqual([last, '0-1']);
    expect(await letters.count({ payload: { orderId: '1' } })).toMatchObject({ count: 2, complete: true });
    expect(await letters.find(last)).toMatchObject({ truncation: undefined });
    expect(await letters.list({}, 1, '0-0')).toEqual({ items: [] });
  });
});

onEveryServer('The audit of edits with long payloads', (world) => {
  it('is read in pages that are bounded in bytes', async () => {
    const letters = new DeadLetters({ connection: { url: world().server.url }, pattern: world().stream });
    try {
      const details = ['payloadBefore', 'x'.repeat(300_000), 'payloadAfter', 'y'.repeat(600_000)];
      for (let i = 0; i < 40; i += 1) {
        await world().redis.xadd(`{${world().stream}}:@audit`, '*', 'action', 'edit-and-replay', ...details);
      }
      const { items, nextCursor } = await letters.audit(500);
      expect(nextCursor).toBeUndefined();
      expect(items).toHaveLength(40);
      expect(items[0]?.details).toMatchObject({ payloadBeforeBytes: '300000', payloadAfterBytes: '600000' });
      expect(JSON.stringify(items).length).toBeLessThan(8 * MIB);
    } finally {
      await letters.close();
    }
  });
});
