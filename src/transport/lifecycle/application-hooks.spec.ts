import type { SettlementWrites } from '../entry/writes.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { settlementWrites } from './application-hooks.js';

it('refuses writes that a hook makes after it has returned, and reports those of an asynchronous one', async () => {
  const kept: SettlementWrites[] = [];
  const errors: unknown[] = [];
  const hook: unknown = async (_event: unknown, _next: unknown, writes: SettlementWrites) => {
    kept.push(writes.set('a', 1));
    await Promise.resolve();
    writes.set('late', 1);
  };
  const next = { action: 'retry', delayMs: 1 } as const;

  const writes = settlementWrites(hook as (...args: unknown[]) => void, {} as FailedEvent, next, (error) =>
    errors.push(error),
  );

  expect(() => kept[0]?.set('b', 1)).toThrow('set came too late: write before the settlement hook returns');
  await new Promise(setImmediate);
  expect(errors).toEqual([
    expect.objectContaining({ message: expect.stringContaining('came too late') as string }),
  ]);
  expect(writes).toEqual([{ command: 'set', key: 'a', args: [1] }]);
});
