import { jest } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { PendingRecoveryService, type Recoverable } from './pending-recovery.service.js';
import { noRecoveries, sumOf } from '../lifecycle/recover.js';

const service = (streams: Recoverable[], failures: unknown[] = []) =>
  new PendingRecoveryService(
    () => streams,
    5,
    'recovery',
    (error) => failures.push(error),
  );

describe('PendingRecoveryService', () => {
  it('adds up what the streams tell', async () => {
    const stream = (retried: number, reaped: number): Recoverable => ({
      runOnce: () => Promise.resolve({ ...noRecoveries(), retried, reaped }),
    });
    expect(await service([stream(1, 0), stream(2, 5)]).runOnce()).toEqual({
      ...noRecoveries(),
      retried: 3,
      reaped: 5,
    });
    expect(sumOf([])).toEqual(noRecoveries());
  });

  it('never overlaps: whoever asks during a run joins it', async () => {
    let runs = 0;
    let end = (): void => undefined;
    const slow: Recoverable = {
      runOnce: () => {
        runs += 1;
        return new Promise((resolve) => (end = () => resolve(noRecoveries())));
      },
    };
    const recovery = service([slow]);
    const both = [recovery.runOnce(), recovery.runOnce()];
    expect(runs).toBe(1);
    end();
    await Promise.all(both);
    void recovery.runOnce();
    expect(runs).toBe(2);
    end();
  });

  it('begins again at once while a stream had no time for all, until it is stopped', async () => {
    let runs = 0;
    let ranFive = (): void => undefined;
    const five = new Promise<void>((resolve) => (ranFive = resolve));
    const busy: Recoverable = {
      runOnce: () => {
        runs += 1;
        if (runs === 5) ranFive();
        return new Promise((resolve) => setImmediate(() => resolve(noRecoveries())));
      },
      hasMore: true,
    };
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    const recovery = service([busy]);
    recovery.start(new SchedulerRegistry());
    jest.advanceTimersByTime(5); // the time of one run
    await five;
    await recovery.stop();
    const ended = runs;
    await new Promise((resolve) => setImmediate(resolve));
    jest.useRealTimers();
    expect(runs).toBe(ended);
  });

  it('goes on with the other streams when one fails, and tells', async () => {
    const failures: unknown[] = [];
    const bad: Recoverable = { runOnce: () => Promise.reject(new Error('NOGROUP')) };
    const good: Recoverable = { runOnce: () => Promise.resolve({ ...noRecoveries(), retried: 1 }) };
    expect(await service([bad, good], failures).runOnce()).toMatchObject({ retried: 1 });
    expect(failures).toMatchObject([new Error('NOGROUP')]);
  });

  describe('tells its trouble:', () => {
    const begun = (stream: Recoverable): PendingRecoveryService => {
      const recovery = service([stream]);
      const registry = new SchedulerRegistry();
      recovery.start(registry);
      registry.deleteInterval('recovery');
      return recovery;
    };
    let now: jest.SpiedFunction<() => number>;
    beforeEach(() => {
      now = jest.spyOn(performance, 'now').mockReturnValue(0);
    });
    afterEach(() => {
      now.mockRestore();
    });

    it('none before it is started', () => {
      expect(service([]).trouble).toBeUndefined();
    });

    it('failing, from the second failed run on until one succeeds', async () => {
      let broken = true;
      const recovery = begun({
        runOnce: () => (broken ? Promise.reject(new Error('WRONGTYPE')) : Promise.resolve(noRecoveries())),
      });
      await recovery.runOnce();
      expect(recovery.trouble).toBeUndefined();
      await recovery.runOnce();
      expect(recovery.trouble).toBe('failing');
      broken = false;
      await recovery.runOnce();
      expect(recovery.trouble).toBeUndefined();
    });

    it('not running, when a run is overdue', async () => {
      const recovery = begun({ runOnce: () => Promise.resolve(noRecoveries()) });
      now.mockReturnValue(3_000);
      expect(recovery.trouble).toBeUndefined();
      now.mockReturnValue(4_000);
      expect(recovery.trouble).toBe('not-running');
      await recovery.runOnce();
      expect(recovery.trouble).toBeUndefined();
    });

    it('too slow, when one run does not end', () => {
      const recovery = begun({ runOnce: () => new Promise(() => undefined) });
      void recovery.runOnce();
      now.mockReturnValue(30_000);
      expect(recovery.trouble).toBeUndefined();
      now.mockReturnValue(30_001);
      expect(recovery.trouble).toBe('too-slow');
    });
  });

  it('runs on a schedule that the registry shows, until it is stopped', async () => {
    let runs = 0;
    let ran = (): void => undefined;
    const twice = new Promise<void>((resolve) => (ran = resolve));
    const stream: Recoverable = {
      runOnce: () => {
        runs += 1;
        if (runs === 2) ran();
        return Promise.resolve(noRecoveries());
      },
    };
    const registry = new SchedulerRegistry();
    const recovery = service([stream]);
    expect(recovery.lastSuccessAt).toBeUndefined();
    recovery.start(registry);
    expect(registry.getIntervals()).toEqual(['recovery']);
    await twice;
    await recovery.stop();
    expect(registry.getIntervals()).toEqual([]);
    expect(recovery.lastSuccessAt).toBeInstanceOf(Date);
    await recovery.stop();
  });
});
