import { SchedulerRegistry } from '@nestjs/schedule';
import { PendingRecoveryService, type Recoverable } from './pending-recovery.service.js';
import { noRecoveries, sumOf } from './recovery-counts.js';

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

  it('goes on with the other streams when one fails, and tells', async () => {
    const failures: unknown[] = [];
    const bad: Recoverable = { runOnce: () => Promise.reject(new Error('NOGROUP')) };
    const good: Recoverable = { runOnce: () => Promise.resolve({ ...noRecoveries(), retried: 1 }) };
    expect(await service([bad, good], failures).runOnce()).toMatchObject({ retried: 1 });
    expect(failures).toMatchObject([new Error('NOGROUP')]);
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
