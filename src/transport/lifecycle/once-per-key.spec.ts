import { setImmediate as turn } from 'node:timers/promises';
import { resolveIdempotencyDefaults, resolveIdempotencyPolicy } from '../idempotency/idempotency-policy.js';
import type { IdempotencyStore } from '../idempotency/idempotency-store.js';
import { unlessAborted } from '../idempotency/postgres-link.js';
import { Delivery } from '../entry/delivery.js';
import { OncePerKey } from './once-per-key.js';

const SOURCE = {
  ...{ pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' },
  isDeadLetterStream: false,
};
const NAMING = { streams: {}, cluster: false };

describe('OncePerKey', () => {
  it('lasts as long as a handler that the store has given up', async () => {
    const impatient: IdempotencyStore = {
      async run({ signal }, work) {
        await unlessAborted(signal, work());
        return { outcome: 'done' };
      },
    };
    const defaults = resolveIdempotencyDefaults({ store: impatient }, 'idempotency');
    const policy = resolveIdempotencyPolicy({ key: () => 'k' }, defaults, 'orders', 'idempotent');
    const delivered = { entry: { id: '1-0', parts: [] }, deliveryCount: 1 };
    const delivery = new Delivery({ source: SOURCE, naming: NAMING }, delivered, 0);
    let finish = (): void => undefined;
    const handler = new Promise<void>((resolve) => (finish = resolve));
    const ended: unknown[] = [];
    const running = new OncePerKey(policy, impatient, 1_000)
      .run(delivery, () => handler)
      .catch((error: unknown) => ended.push(error));
    await turn();
    const tooLate = new Error('its time is up');
    delivery.abort(tooLate);
    await turn();
    expect(ended).toEqual([]);
    finish();
    await running;
    expect(ended).toEqual([tooLate]);
  });
});
