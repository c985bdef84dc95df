import { Observers } from '../observe/observers.js';
import { DEFAULT_RETRY_POLICY } from '../policy/retry-policy.js';
import { DeliveryTracing } from '../tracing/delivery-tracing.js';
import { Settler, type SettlerParts } from './settler.js';

describe('Settler', () => {
  it('puts nothing off for longer than an entry may wait, since what waits longer counts as due at once', async () => {
    const delays: (number | undefined)[] = [];
    const broker = {
      release: (_stream: string, _entries: readonly object[], delayMs?: number) => {
        delays.push(delayMs);
        return Promise.resolve(1);
      },
    };
    const source = {
      ...{ pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' },
      isDeadLetterStream: false,
    };
    const settler = new Settler({
      source,
      tracing: new DeliveryTracing(source),
      arbiter: () => undefined,
      broker: broker as unknown as SettlerParts['broker'],
      observers: new Observers(() => undefined),
      policy: DEFAULT_RETRY_POLICY,
      maxRetryDelayMs: 50,
      maxPutOffMs: 50,
      hook: () => undefined,
      onFailure: () => undefined,
      onTrouble: () => undefined,
      wasInTrouble: () => Promise.resolve(false),
    });
    const entry = { id: '1-0', deliveryCount: 1, runsAlone: false };
    await settler.putOff(entry, 1_000);
    await settler.putOff(entry, 20);
    expect(delays).toEqual([50, 20]);
  });
});
