import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { TimeLimit } from './time-limit.js';

jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });

async function pass(ms: number): Promise<void> {
  await turn();
  jest.advanceTimersByTime(ms);
  await turn();
}

describe('TimeLimit', () => {
  it('calls with what did not end in time, once', async () => {
    const late: string[] = [];
    const limit = new TimeLimit<string>(100, (work) => void late.push(work));
    const ended = limit.begin('ended');
    limit.begin('hangs');
    await pass(99);
    expect(late).toEqual([]);
    await pass(1);
    expect(late).toEqual(['ended', 'hangs']);
    ended.end();
    await pass(1_000);
    expect(late).toHaveLength(2);
  });

  it('calls again after the rest that it is given, not after the whole limit', async () => {
    const late: string[] = [];
    const limit = new TimeLimit<string>(100, (work) => (late.push(work) === 1 ? 30 : undefined));
    limit.begin('waits');
    await pass(100);
    await pass(29);
    expect(late).toHaveLength(1);
    await pass(1);
    expect(late).toHaveLength(2);
  });

  it('has no timer once all that began together has ended', async () => {
    const limit = new TimeLimit<string>(100, () => 50);
    const running = limit.begin('waits');
    await pass(100);
    expect(jest.getTimerCount()).toBe(1);
    running.end();
    expect(jest.getTimerCount()).toBe(0);
  });
});
