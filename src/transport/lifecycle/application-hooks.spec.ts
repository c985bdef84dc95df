import { context, createContextKey } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { DEFAULT_RETRY_POLICY } from '../policy/retry-policy.js';
import type { SettlementWrites } from '../entry/writes.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { settlementWrites, verdictOf, withOwnContexts } from './application-hooks.js';

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

it('leaves user code in the span of its delivery: what it does and logs belongs to that trace', async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const key = createContextKey('span');
  const seen: unknown[] = [];
  const note = (): void => void seen.push(context.active().getValue(key));
  const { classify, backoff } = withOwnContexts({
    ...DEFAULT_RETRY_POLICY,
    classify: () => {
      note();
      return undefined;
    },
    backoff: () => {
      note();
      return 1;
    },
  });
  const answer = async (): Promise<'dead-letter'> => {
    await Promise.resolve();
    note();
    return 'dead-letter';
  };

  await context.with(context.active().setValue(key, 'delivery'), async () => {
    classify?.(new Error('declined'));
    if (typeof backoff === 'function') backoff(0, new Error('declined'));
    settlementWrites(note, {} as FailedEvent, { action: 'retry', delayMs: 1 }, note);
    await verdictOf({} as FailedEvent, 'retries-exhausted', answer, answer);
  });

  context.disable();
  expect(seen).toEqual(Array.from({ length: 5 }, () => 'delivery'));
});
