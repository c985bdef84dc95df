import fc from 'fast-check';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const NODE = 100; // Entries of one node of a stream: XTRIM ~ removes whole nodes alone.
const ENTRIES = 6 * NODE;

/** How far a group has read, and which of what it read is still pending. */
const group = fc.record({
  read: fc.integer({ min: 0, max: ENTRIES }),
  pending: fc.uniqueArray(fc.integer({ min: 0, max: ENTRIES - 1 }), { maxLength: 3 }),
});

onEveryServer('Trimming', (world) => {
  const fill = async (): Promise<string[]> => {
    const pipeline = world().redis.pipeline();
    pipeline.del(world().stream);
    for (let i = 0; i < ENTRIES; i += 1) pipeline.xadd(world().stream, `${i + 1}-0`, 'a', 'b');
    await pipeline.exec();
    return Array.from({ length: ENTRIES }, (_, i) => `${i + 1}-0`);
  };
  const left = async (): Promise<Set<string>> =>
    new Set((await world().redis.xrange(world().stream, '-', '+')).map(([id]) => id));
  /** @returns the ids that the group still needs */
  const place = async (name: string, ids: string[], read: number, pending: number[]): Promise<string[]> => {
    const { redis, stream } = world();
    await redis.xgroup('CREATE', stream, name, '0');
    if (read > 0) await redis.xreadgroup('GROUP', name, 'c', 'COUNT', read, 'STREAMS', stream, '>');
    const done = ids.slice(0, read).filter((_, i) => !pending.includes(i));
    if (done.length > 0) await redis.xack(stream, name, ...done);
    return ids.filter((_, i) => i >= read || pending.includes(i));
  };

  it('never removes what any group needs', async () => {
    const limits = fc.record({
      maxAgeMs: fc.constantFrom(0, 3_600_000 * 1e6),
      maxEntries: fc.integer({ min: 1, max: ENTRIES }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(group, { minLength: 1, maxLength: 3 }), limits, async (groups, limit) => {
        const ids = await fill();
        const needed = new Set<string>();
        for (const [i, { read, pending }] of groups.entries())
          for (const id of await place(i === 0 ? GROUP : `group-${i}`, ids, read, pending)) needed.add(id);
        for (let call = 0; call < 4; call += 1) await world().broker().trim(world().stream, limit);
        const kept = await left();
        expect([...needed].filter((id) => !kept.has(id))).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });

  it('removes what every group is done with, by age or by length', async () => {
    const ids = await fill();
    await place(GROUP, ids, ENTRIES, []);
    await place('two', ids, 2 * NODE + 50, []);
    const broker = world().broker();
    expect(await broker.trim(world().stream, { maxAgeMs: 1, maxEntries: 1e6 })).toEqual({
      removed: 2 * NODE,
      staleGroups: ['two'],
    });
    await world().redis.xgroup('DESTROY', world().stream, 'two');
    const byLength = { maxAgeMs: 1e15, maxEntries: 2 * NODE };
    expect(await broker.trim(world().stream, byLength)).toEqual({ removed: NODE, staleGroups: [] });
    expect((await left()).size).toBe(3 * NODE);
  });

  it('names the groups that hold back what is too old, and no others', async () => {
    const ids = await fill();
    await place(GROUP, ids, ENTRIES, []);
    await place('never-reads', ids, 0, []);
    await place('stuck', ids, ENTRIES, [0]);
    const { removed, staleGroups } = await world()
      .broker()
      .trim(world().stream, { maxAgeMs: 1, maxEntries: 1 });
    expect(removed).toBe(0);
    expect([...staleGroups].sort()).toEqual(['never-reads', 'stuck']);
  });

  it('removes nothing while there is no group, and nothing of a stream that is not there', async () => {
    await fill();
    const nothing = { removed: 0, staleGroups: [] };
    const limits = { maxAgeMs: 1, maxEntries: 1 };
    expect(await world().broker().trim(world().stream, limits)).toEqual(nothing);
    expect(await world().broker().trim('not-there', limits)).toEqual(nothing);
  });

  it('removes nothing while its own group is lost, whatever others have read', async () => {
    const ids = await fill();
    await place('another-group', ids, ENTRIES, []);
    const limits = { maxAgeMs: 1, maxEntries: 1 };
    expect(await world().broker().trim(world().stream, limits)).toEqual({ removed: 0, staleGroups: [] });
  });

  it('removes a bounded number in one call', async () => {
    const pipeline = world().redis.pipeline();
    for (let i = 0; i < 2_000; i += 1) pipeline.xadd(world().stream, '*', 'a', i);
    await pipeline.exec();
    await world().redis.xgroup('CREATE', world().stream, GROUP, '$');
    const { removed } = await world().broker().trim(world().stream, { maxAgeMs: 1e15, maxEntries: 1 });
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThanOrEqual(500);
  });
});
