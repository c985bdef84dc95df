import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Shutdown } from './shutdown.js';

describe('Shutdown', () => {
  let codes: number[];
  const make = (limitMs = 1000) => new Shutdown({ limitMs, exit: (code) => codes.push(code) });

  beforeEach(() => {
    codes = [];
    Logger.overrideLogger(false);
  });

  it('ends what was added last first, one after the other, with code 0', async () => {
    const ended: string[] = [];
    const shutdown = make();
    for (const name of ['redis', 'http', 'transport']) {
      shutdown.add(name, async () => {
        await Promise.resolve();
        ended.push(name);
      });
    }
    await shutdown.onSignal('SIGTERM');
    expect(ended).toEqual(['transport', 'http', 'redis']);
    expect(codes).toEqual([0]);
  });

  it('goes on with the rest when one fails, and ends with code 1', async () => {
    const ended: string[] = [];
    const shutdown = make();
    shutdown.add('redis', async () => {
      ended.push('redis');
      await Promise.resolve();
    });
    shutdown.add('http', () => Promise.reject(new Error('stuck')));
    await shutdown.onSignal('SIGINT');
    expect(ended).toEqual(['redis']);
    expect(codes).toEqual([1]);
  });

  it('gives up on what never ends, with code 1', async () => {
    const shutdown = make(20);
    shutdown.add('http', () => new Promise(() => undefined));
    await shutdown.onSignal('SIGTERM');
    expect(codes).toEqual([1]);
  });

  it('takes a signal right after the first as its echo', async () => {
    const shutdown = make(20);
    shutdown.add('http', () => new Promise(() => undefined));
    const first = shutdown.onSignal('SIGINT');
    await shutdown.onSignal('SIGINT');
    expect(codes).toEqual([]);
    await first;
  });

  it('ends at once on a second signal, with the code of the signal', async () => {
    const start = performance.now();
    const now = jest.spyOn(performance, 'now');
    const shutdown = make(20);
    shutdown.add('http', () => new Promise(() => undefined));
    const first = shutdown.onSignal('SIGINT');
    now.mockReturnValue(start + 2000);
    await shutdown.onSignal('SIGTERM');
    now.mockRestore();
    expect(codes).toEqual([143]);
    await first;
  });
});
