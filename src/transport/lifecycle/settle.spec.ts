import { setImmediate as turn } from 'node:timers/promises';
import type { CommitBatch, Settlement } from '../redis/settlement.js';
import { failedEvent, Observers } from '../observe/observers.js';
import { Delivery } from '../entry/delivery.js';
import { DeliveryTracing } from '../observe/delivery-tracing.js';
import type { Ending } from '../policy/ending.js';
import type { Decider } from './decider.js';
import type { SettlementHook } from './application-hooks.js';
import { SettlementSteps } from './settlement-steps.js';
import { Settler, type SettlerParts } from './settle.js';

const SOURCE = {
  ...{ pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' },
  isDeadLetterStream: false,
};

const RETRY: Ending = { action: 'retry', delayMs: 1 };

/** A settler over a broker of which only some commands are there; unless decided otherwise, failures are dropped. */
function settlerOver(
  broker: Partial<SettlerParts['broker']>,
  decider: Pick<Decider, 'afterFailure'> = {
    afterFailure: () => Promise.resolve({ action: 'drop', as: 'duplicate' }),
  },
  hook?: SettlementHook,
) {
  const observers = new Observers(() => undefined);
  const said: string[] = [];
  for (const event of ['processed', 'failed', 'duplicate'] as const)
    observers.add(event, ({ entryId }: { entryId: string }) => said.push(`${event} ${entryId}`));
  const failures: unknown[] = [];
  const over: string[] = [];
  const onFailure = (error: unknown): unknown => failures.push(error);
  const settler = new Settler({
    ...{ source: SOURCE, observers, onFailure, steps: new SettlementSteps(onFailure) },
    tracing: new DeliveryTracing(SOURCE),
    broker: { settle: () => Promise.resolve('done'), ...broker } as SettlerParts['broker'],
    decider: decider as Decider,
    followUps: { maxEntries: 1, maxAgeMs: 1 },
    ...{ ackWaitMs: 30_000, maxRetryDelayMs: 50, handlerTimeoutMs: 0 },
    hook: () => hook,
    onOver: ({ id }) => over.push(id),
  });
  const until = async (count: number): Promise<void> => {
    while (over.length < count) await turn();
  };
  return { settler, observers, said, failures, over, until };
}

function deliveryOf(id: string): Delivery {
  const origin = { source: SOURCE, naming: { streams: {}, cluster: false } };
  const delivery = new Delivery(origin, { entry: { id, parts: [] }, deliveryCount: 1 }, 0);
  delivery.startedAt = 1;
  delivery.finishedAt = 2;
  delivery.takeEnding();
  return delivery;
}

describe('Settler', () => {
  it('defers nothing for longer than an entry may wait, since what waits longer counts as due at once', async () => {
    const delays: (number | undefined)[] = [];
    const { settler } = settlerOver({
      release: (_stream, _entries, delayMs) => {
        delays.push(delayMs);
        return Promise.resolve(1);
      },
    });
    await settler.settle(deliveryOf('1-0'), { action: 'defer', as: 'duplicate-waiting', delayMs: 1_000 });
    await settler.settle(deliveryOf('2-0'), { action: 'defer', as: 'duplicate-waiting', delayMs: 20 });
    expect(delays).toEqual([50, 20]);
  });

  it('acknowledges again what Redis refused, says once that it was processed, and lets it go then', async () => {
    let refusals = 2;
    const written: (readonly string[])[] = [];
    const { settler, said, failures, over, until } = settlerOver({
      acknowledge: (_stream, ids) => {
        written.push(ids);
        return refusals-- > 0 ? Promise.reject(new Error('OOM')) : Promise.resolve(ids.length);
      },
    });
    for (const id of ['1-0', '2-0']) {
      expect(settler.settle(deliveryOf(id), { action: 'ack', as: 'processed' })).toBeUndefined();
    }
    expect(over).toEqual([]);
    await until(2);
    expect(written).toEqual([
      ['1-0', '2-0'],
      ['1-0', '2-0'],
      ['1-0', '2-0'],
    ]);
    expect(failures).toHaveLength(2);
    expect(said).toEqual(['processed 1-0', 'processed 2-0']);
  });

  it('commits one by one what Redis will not even begin together, and fails the bad one alone', async () => {
    const calls: string[][] = [];
    const commit = (_stream: string, { commits }: CommitBatch): Promise<Settlement[]> => {
      calls.push(commits.map(({ entry }) => entry.id));
      const isDenied = commits.some(({ entry }) => entry.id === 'bad-0');
      const denied = new Error('NOPERM No permissions to access a key');
      return isDenied ? Promise.reject(denied) : Promise.resolve(commits.map(() => 'done'));
    };
    const { settler, said, failures, until } = settlerOver({ commit });
    for (const id of ['1-0', 'bad-0', '2-0']) void settler.settle(deliveryOf(id), { action: 'commit' });
    await until(3);
    expect(calls).toEqual([['1-0', 'bad-0', '2-0'], ['1-0'], ['bad-0'], ['2-0']]);
    expect(said.toSorted()).toEqual(['duplicate bad-0', 'failed bad-0', 'processed 1-0', 'processed 2-0']);
    expect(failures).toEqual([]);
  });

  it.each([
    'OOM command not allowed',
    "NOPERM this user has no permissions to run the 'fcall' command",
    'NOAUTH Authentication required.',
  ])('takes "%s" for trouble that may pass, and repeats the commit', async (message) => {
    let refusals = 1;
    const { settler, said, failures, until } = settlerOver({
      commit: () =>
        refusals-- > 0 ? Promise.reject(new Error(message)) : Promise.resolve<Settlement[]>(['done']),
    });
    void settler.settle(deliveryOf('1-0'), { action: 'commit' });
    await until(1);
    expect(said).toEqual(['processed 1-0']);
    expect(failures).toHaveLength(1);
  });

  it('gives listeners, hook and arbiter one object for a failure, so that they know it again', async () => {
    const seen: unknown[] = [];
    const { settler, observers } = settlerOver(
      { park: () => Promise.resolve('done') },
      {
        afterFailure: (delivery) => {
          seen.push(failedEvent(delivery));
          return Promise.resolve(RETRY);
        },
      },
      (event) => void seen.push(event),
    );
    observers.add('failed', (event) => void seen.push(event));
    const delivery = deliveryOf('1-0');
    await settler.fail(delivery, new Error('boom'));
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
    await settler.fail(delivery, new Error('another'));
    expect(new Set(seen).size).toBe(2);
  });

  it('leaves what nobody ends as it is', () => {
    const { settler, said, over } = settlerOver({});
    expect(settler.settle(deliveryOf('1-0'), { action: 'leave' })).toBeUndefined();
    expect(said).toEqual([]);
    expect(over).toEqual(['1-0']);
  });
});
