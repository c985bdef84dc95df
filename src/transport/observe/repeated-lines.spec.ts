import { RepeatedLines } from './repeated-lines.js';

function recordedLines() {
  const written: string[] = [];
  let endMinute: (() => void) | undefined;
  const lines = new RepeatedLines(
    (level, message, stack) => written.push([level, message, stack].filter(Boolean).join(' | ')),
    60_000,
    (callback) => {
      endMinute = callback;
      return () => (endMinute = undefined);
    },
  );
  const say = (kind: string, detail = 'now'): void =>
    lines.say({ level: 'error', kind, detail: () => detail, stack: () => `at ${detail}` });
  return { written, lines, say, endMinute: () => endMinute?.(), isTiming: () => endMinute !== undefined };
}

describe('RepeatedLines', () => {
  it('writes the first of a minute in full, and counts the rest', () => {
    const { written, say, endMinute } = recordedLines();
    for (let n = 0; n < 10_000; n += 1) say('Failed', `entry ${n}`);
    expect(written).toEqual(['error | Failed: entry 0 | at entry 0']);
    endMinute();
    expect(written.slice(1)).toEqual(['error | Failed: 9,999 more times within a minute']);
  });

  it('sums up the entries that the rest is about', () => {
    const { written, lines, endMinute } = recordedLines();
    for (const entries of [10, 1_200, 3])
      lines.say({ level: 'error', kind: 'Deleted', detail: () => 'ids', entries });
    endMinute();
    expect(written).toEqual([
      'error | Deleted: ids',
      'error | Deleted: 2 more times within a minute, 1,203 entries',
    ]);
  });

  it('writes the first of the next minute in full again', () => {
    const { written, say, endMinute } = recordedLines();
    say('Failed', 'first');
    endMinute();
    say('Failed', 'second');
    expect(written).toEqual(['error | Failed: first | at first', 'error | Failed: second | at second']);
  });

  it('tells kinds apart, and counts together what is beyond a thousand of them, each level apart', () => {
    const { written, lines, say, endMinute } = recordedLines();
    for (let n = 0; n < 1_150; n += 1) say(`Failed with ${n}`);
    lines.say({ level: 'warn', kind: 'Put off', detail: () => 'now' });
    expect(written).toHaveLength(1_000);
    endMinute();
    expect(written.slice(1_000)).toEqual([
      'error | Further kinds of lines (error): 150 more times within a minute',
      'warn | Further kinds of lines (warn): 1 more times within a minute',
    ]);
  });

  it('makes no detail of what it only counts', () => {
    const { lines, say } = recordedLines();
    say('Failed');
    const detail = (): string => {
      throw new Error('made');
    };
    expect(() => lines.say({ level: 'warn', kind: 'Failed', detail })).not.toThrow();
  });

  it('times nothing while nothing is said, and ends the minute when it is closed', () => {
    const { written, lines, say, isTiming } = recordedLines();
    expect(isTiming()).toBe(false);
    say('Failed');
    say('Failed');
    expect(isTiming()).toBe(true);
    lines.flush();
    expect(isTiming()).toBe(false);
    expect(written).toHaveLength(2);
  });
});
