import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { context } from '@opentelemetry/api';

/** Runs for which Node is made to follow promises after a transport has begun to listen. */
const FOLLOWED_RUNS = 1_000;
const ENDS_BY_ITSELF = { requireManualDestroy: true };

/** Nothing but the making of other contexts runs in it, so that nobody can leave anything there. */
const root = new AsyncResource('OrderStreams', ENDS_BY_ITSELF);
const begin = (): AsyncResource => new AsyncResource('OrderStreamsRun', ENDS_BY_ITSELF);
const follower = new AsyncLocalStorage<true>();
let followed = 0;

/**
 * Before Node 24, promises have no context of their own until somebody uses an AsyncLocalStorage for the first time:
 * what is left with `enterWith` then is seen by everything that is under way. So Node follows promises for the first
 * runs, in which an application that uses one begins to; where none does, nothing is followed later, which would cost
 * every promise of the process a call.
 */
export function followPromises(): void {
  followed = 0;
  follower.run(true, () => undefined);
}

/**
 * Calls a function in an async context of its own: what others have left in theirs with `AsyncLocalStorage.enterWith` is
 * not seen in it, and what is left in it nobody else sees. It begins as the one in which the package was loaded.
 */
export function inOwnContext<Result>(run: () => Result): Result {
  followed += 1;
  if (followed === FOLLOWED_RUNS) follower.disable();
  return root.runInAsyncScope(begin).runInAsyncScope(run);
}

/** The same, but that the span stays that is active where it is called: what is done and logged in it belongs there. */
export function inOwnContextOfSpan<Result>(run: () => Result): Result {
  const active = context.active();
  return inOwnContext(() => context.with(active, run));
}
