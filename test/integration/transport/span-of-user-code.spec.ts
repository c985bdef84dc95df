import { context, createContextKey } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  settlementWrites,
  verdictOf,
  withOwnContexts,
} from '../../../src/transport/lifecycle/application-hooks.js';
import type { FailedEvent } from '../../../src/transport/observe/transport-events.js';
import { DEFAULT_RETRY_POLICY } from '../../../src/transport/policy/retry-policy.js';

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
