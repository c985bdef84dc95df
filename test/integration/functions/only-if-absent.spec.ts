import type { EntryRef } from '../../../src/transport/redis/settlement.js';
import { CommitTransaction } from '../../../src/transport/entry/commit-transaction.js';
import { SettlementWrites, ENTRY_ID } from '../../../src/transport/entry/writes.js';
import { onEveryServer } from '../../support/function-world.js';

onEveryServer('A step that has a condition', (world) => {
  const record = (): string => world().key('record');
  const delivered = async (): Promise<EntryRef> => ({ id: await world().delivered(), deliveryCount: 1 });
  const held = (): Promise<Record<string, string>> => world().redis.hgetall(record());

  function commit(entry: EntryRef, sequence: number) {
    const tx = new CommitTransaction(world().stream, { streams: {}, cluster: false })
      .onlyIfAbsent(record(), 'outcome')
      .hset(record(), { outcome: entry.id })
      .emit(`${world().stream}.processed`, { id: entry.id });
    const commits = [{ entry, writes: tx.list(), emits: tx.emits }];
    const followUps = { maxEntries: 1_000, maxAgeMs: 60_000 };
    return world().broker().commit(world().stream, { lane: 0, sequence, commits, followUps });
  }
  const writes = () =>
    new SettlementWrites().onlyIfAbsent(record(), 'outcome').hset(record(), { outcome: ENTRY_ID }).list();
  const deadLetter = (entry: EntryRef) =>
    world()
      .broker()
      .deadLetter(world().stream, {
        ...{ entry, owner: 'worker', leastIdleMs: 0 },
        ...{ added: [], held: [], writes: writes() },
      });

  it('commits for the first entry alone; the second is acknowledged, and a repeat is told the same', async () => {
    const [first, second] = [await delivered(), await delivered()];
    expect(await commit(first, 1)).toEqual(['done']);
    expect(await commit(first, 1)).toEqual(['done']);
    expect(await commit(second, 2)).toEqual(['duplicate']);
    expect(await commit(second, 2)).toEqual(['duplicate']);
    expect(await commit(second, 3)).toEqual(['gone']);
    expect(await held()).toEqual({ outcome: first.id });
    expect(await world().redis.xlen(`${world().stream}.processed`)).toBe(1);
    expect(await world().row(second.id)).toBeUndefined();
  });

  it('fences first: who has lost the entry does not acknowledge it', async () => {
    const entry = await delivered();
    await world().redis.hset(record(), 'outcome', 'other');
    expect(await commit({ ...entry, deliveryCount: 2 }, 1)).toEqual(['taken']);
    expect(await world().row(entry.id)).toMatchObject({ owner: 'worker' });
  });

  it('is refused where the condition asks for a hash and there is none', async () => {
    const entry = await delivered();
    await world().redis.set(record(), 'text');
    expect(await commit(entry, 1)).toEqual([{ refused: expect.stringContaining('needs a hash') as string }]);
    expect(await world().row(entry.id)).toBeDefined();
  });

  it('dead-letters the first entry alone; the second leaves no dead letter', async () => {
    const [first, second] = [await delivered(), await delivered()];
    const { deadLetterId } = await deadLetter(first);
    expect(await deadLetter(second)).toEqual({ settlement: 'duplicate' });
    expect(await deadLetter(second)).toEqual({ settlement: 'gone' });
    expect(await held()).toEqual({ outcome: deadLetterId });
    expect(await world().redis.xlen(world().letters)).toBe(1);
    expect(await world().row(second.id)).toBeUndefined();
  });

  it('does not park what has ended', async () => {
    const entry = await delivered();
    await world().redis.hset(record(), 'outcome', 'other');
    expect(await world().broker().park(world().stream, entry, 1_000, writes())).toBe('duplicate');
    expect(await world().row(entry.id)).toBeUndefined();
    expect(await world().redis.exists(world().key('retry'))).toBe(0);
    expect(await held()).toEqual({ outcome: 'other' });
  });

  it('parks what has not', async () => {
    const entry = await delivered();
    expect(await world().broker().park(world().stream, entry, 1_000, writes())).toBe('done');
    expect(await world().row(entry.id)).toMatchObject({ owner: '@retry' });
  });
});
