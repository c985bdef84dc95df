import type { PendingEntry } from '../redis/settlement.js';
import { AbandonedRows } from './abandoned-rows.js';

const row = (number: number, idleMs = 60_000): PendingEntry => ({
  id: `${number}-0`,
  idleMs,
  deliveryCount: 1,
});

/** Pages of three rows. */
function rowsOver(all: PendingEntry[], cursor = '-'): { rows: AbandonedRows; reads: string[] } {
  const reads: string[] = [];
  const readPage = (from: string, limit: number): Promise<PendingEntry[]> => {
    reads.push(from);
    const after = from === '-' ? 0 : Number.parseInt(from.slice(1), 10);
    const left = all.filter(({ id }) => Number.parseInt(id, 10) > after);
    return Promise.resolve(left.slice(0, limit));
  };
  const isAbandoned = ({ idleMs }: PendingEntry): boolean => idleMs >= 30_000;
  return { rows: new AbandonedRows({ readPage, pageSize: 3, isAbandoned }, cursor), reads };
}

const numbers = (rows: readonly PendingEntry[]): number[] => rows.map(({ id }) => Number.parseInt(id, 10));

describe('AbandonedRows', () => {
  it('takes of a page as much as there is room for, and reads on when it is through', async () => {
    const { rows, reads } = rowsOver([1, 2, 3, 4].map((number) => row(number)));
    await rows.readOn();
    expect(numbers(rows.take(2))).toEqual([1, 2]);
    await rows.readOn();
    expect(numbers(rows.take(9))).toEqual([3]);
    await rows.readOn();
    expect(reads).toEqual(['-', '(3-0']);
    expect(rows.isOver).toBe(false);
    expect(numbers(rows.take(9))).toEqual([4]);
    expect(rows.isOver).toBe(true);
    expect(rows.next).toBeUndefined();
  });

  it('tells where a later run goes on, and goes on there', async () => {
    const all = [1, 2, 3, 4, 5].map((number) => row(number));
    const { rows } = rowsOver(all);
    expect(rows.next).toBeUndefined();
    await rows.readOn();
    rows.take(2);
    expect(rows.next).toBe('(2-0');
    const later = rowsOver(all, rows.next).rows;
    await later.readOn();
    expect(numbers(later.take(9))).toEqual([3, 4, 5]);
  });

  it('passes over what is worked on, asked at the time it is taken', async () => {
    const young = row(2, 0);
    const { rows } = rowsOver([row(1), young, row(3)]);
    await rows.readOn();
    expect(numbers(rows.take(2))).toEqual([1, 3]);
  });

  it('gives up after 20 pages in vain, for this run', async () => {
    const all = Array.from({ length: 100 }, (_unused, i) => row(i + 1, 0));
    const { rows, reads } = rowsOver(all);
    while (!rows.isOver) {
      await rows.readOn();
      expect(rows.take(9)).toEqual([]);
    }
    expect(reads).toHaveLength(20);
    expect(rows.next).toBe('(60-0');
  });

  it('is over at once where nothing is pending', async () => {
    const { rows } = rowsOver([], '(7-0');
    await rows.readOn();
    expect(rows.take(9)).toEqual([]);
    expect(rows.isOver).toBe(true);
    expect(rows.next).toBeUndefined();
  });
});
