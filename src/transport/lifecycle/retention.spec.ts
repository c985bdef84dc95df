import { Observers } from '../observe/observers.js';
import { InvalidOptionError } from '../entry/client-errors.js';
import { resolveRetention, type RetentionOptions, StreamRetention } from './retention.js';

const SOURCE = { pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c', isDeadLetterStream: false };

function retentionOf(
  options: RetentionOptions,
  replies: { removed: number; staleGroups: string[] }[],
  source = SOURCE,
) {
  const calls: string[] = [];
  const told: unknown[] = [];
  const observers = new Observers(() => undefined);
  observers.add('trimmed', ({ removed, forced }) => told.push({ removed, forced }));
  observers.add('stale-group', ({ staleGroup }) => told.push({ staleGroup }));
  let now = 0;
  const broker = {
    trim: () => {
      calls.push('trim');
      return Promise.resolve(replies.shift() ?? { removed: 0, staleGroups: [] });
    },
    cap: (_stream: string, length: number) => {
      calls.push(`cap ${length}`);
      return Promise.resolve(4);
    },
    trimDeadLetters: (_stream: string, ageMs: number) => {
      calls.push(`dead letters ${ageMs}`);
      return Promise.resolve(1);
    },
  };
  const retention = new StreamRetention({
    ...{ source, broker, observers, retention: resolveRetention(options) },
    now: () => now,
  });
  return { retention, calls, told, pass: (ms: number) => (now += ms) };
}

describe('StreamRetention', () => {
  it('goes on while something is removed, and tells the sum and the groups that hold back the rest', async () => {
    const replies = [
      { removed: 500, staleGroups: [] },
      { removed: 20, staleGroups: ['slow'] },
      { removed: 0, staleGroups: ['slow'] },
    ];
    const { retention, calls, told } = retentionOf({}, replies);
    expect(await retention.runOnce()).toBe(520);
    expect(calls).toEqual(['trim', 'trim', 'trim']);
    expect(told).toContainEqual({ removed: 520, forced: false });
    expect(told).toContainEqual({ staleGroup: 'slow' });
  });

  it('ends after a bounded number of calls', async () => {
    const { retention, calls } = retentionOf(
      {},
      Array<{ removed: number; staleGroups: string[] }>(1_000).fill({ removed: 1, staleGroups: [] }),
    );
    await retention.runOnce();
    expect(calls.length).toBeLessThanOrEqual(100);
  });

  it('looks at a stream once in a while', async () => {
    const { retention, calls, pass } = retentionOf({}, []);
    await retention.runIfDue();
    pass(9_999);
    await retention.runIfDue();
    expect(calls).toHaveLength(1);
    pass(1);
    await retention.runIfDue();
    expect(calls).toHaveLength(2);
  });

  it('cuts, and removes dead letters, only where that was asked for', async () => {
    const { retention, calls, told } = retentionOf({ hardMaxEntries: 7, deadLetterMaxAgeMs: 9 }, []);
    await retention.runOnce();
    expect(calls).toEqual(['trim', 'cap 7', 'dead letters 9']);
    expect(told).toEqual([{ removed: 4, forced: true }]);
  });

  it('leaves a dead-letter stream alone that is read as input', async () => {
    const options = { hardMaxEntries: 7, deadLetterMaxAgeMs: 9 };
    const { retention, calls } = retentionOf(options, [], { ...SOURCE, isDeadLetterStream: true });
    expect(await retention.runOnce()).toBe(0);
    expect(calls).toEqual([]);
  });
});

describe('resolveRetention', () => {
  it('keeps a day and a million entries, and dead letters for ever', () => {
    expect(resolveRetention({})).toEqual({
      ...{ maxAgeMs: 86_400_000, maxEntries: 1_000_000 },
      ...{ deadLetterMaxAgeMs: undefined, hardMaxEntries: undefined },
    });
  });

  it.each(['maxAgeMs', 'maxEntries', 'deadLetterMaxAgeMs', 'hardMaxEntries'] as const)(
    'refuses a %s that cannot be',
    (option) => {
      for (const value of [0, -1, 1.5, NaN, Infinity, '5' as unknown as number]) {
        expect(() => resolveRetention({ [option]: value })).toThrow(InvalidOptionError);
        expect(() => resolveRetention({ [option]: value })).toThrow(`retention.${option}`);
      }
    },
  );
});
