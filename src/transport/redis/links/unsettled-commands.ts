import type { Redis } from 'ioredis';

/** What was under way on a link that broke, to be sent again as soon as there is another one. */
interface Stash {
  readonly prevCommandQueue?: { shift(): { readonly command: Rejectable } | undefined } | null;
}

interface Rejectable {
  reject(error: Error): void;
}

/**
 * Ends a client, and rejects every command that it was given. ioredis leaves those unsettled for ever that were under
 * way when the link broke (https://github.com/redis/ioredis/pull/2197), and all of them, also later ones, where a client
 * is ended that waits for its next attempt to connect (https://github.com/redis/ioredis/pull/2169).
 */
export function disconnectAndSettle(redis: Redis): void {
  // There is no link whose end it would hear of: it ends as one that has not begun.
  if (redis.status === 'reconnecting') redis.status = 'wait';
  redis.disconnect();
  rejectStash(redis);
}

/**
 * Rejects what was under way whenever the link breaks: `autoResendUnfulfilledCommands: false` alone leaves it unsettled
 * for ever (https://github.com/redis/ioredis/issues/2193).
 */
export function settleWhenLinkBreaks(redis: Redis): void {
  redis.on('close', () => rejectStash(redis));
}

function rejectStash(redis: Redis): void {
  const { prevCommandQueue: stash } = redis as unknown as Stash;
  for (let item = stash?.shift(); item; item = stash?.shift()) {
    item.command.reject(new Error('Connection is closed.'));
  }
}
