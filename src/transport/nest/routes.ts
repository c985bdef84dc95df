import type { MessageHandler } from '@nestjs/microservices';
import { isCluster } from '../redis/links/connection-options.js';
import { resolveIdempotencyPolicy, type IdempotencyExtra } from '../idempotency/idempotency-policy.js';
import { checkLongestBackoff, resolveRetryPolicy, type RetryOptions } from '../policy/retry-policy.js';
import { InvalidOptionError, UnsupportedPatternError } from '../entry/client-errors.js';
import { checkPattern, streamKeyOf } from '../entry/names.js';
import { isNearly } from '../entry/known-options.js';
import { dispatcherOf, type AroundProcessing } from './event-dispatcher.js';
import { IDEMPOTENT_EXTRA, MAX_IN_FLIGHT_EXTRA, RETRY_EXTRA } from './decorators.js';
import type { Route } from './running-transport.js';
import { wholeOption, type ResolvedServerOptions } from './server-options.js';

/**
 * The routes of the handlers that Nest registered.
 *
 * @param around - runs each delivery between Nest's processing hooks, if there are any
 * @param onIgnored - called with a pattern that this transport does not serve
 * @throws UnsupportedPatternError when a pattern names no stream, or two handlers would share one
 * @throws InvalidOptionError for an option of a handler that cannot work
 */
export function routesOf(
  handlers: ReadonlyMap<string, MessageHandler>,
  options: ResolvedServerOptions,
  around: AroundProcessing | undefined,
  onIgnored: (pattern: string) => void,
): Route[] {
  const naming = { streams: options.streams, cluster: isCluster(options.connection) };
  const routes = new Map<string, Route>();
  for (const [pattern, handler] of handlers) {
    if (!handler.isEventHandler) {
      onIgnored(pattern);
      continue;
    }
    if (handler.next) {
      throw new UnsupportedPatternError(
        pattern,
        'it has two handlers; when one failed both would run again. Use one handler, or one group for each.',
      );
    }
    checkPattern(pattern);
    const extras = handler.extras ?? {};
    checkExtras(extras, pattern);
    const stream = streamKeyOf(pattern, naming);
    const other = routes.get(stream);
    if (other) {
      throw new UnsupportedPatternError(
        pattern,
        `it reads the stream "${stream}", as "${other.pattern}" does`,
      );
    }
    const own = (extras[RETRY_EXTRA] ?? {}) as RetryOptions;
    const policy = resolveRetryPolicy(own, options.retry, `@EventPattern("${pattern}") ${RETRY_EXTRA}`);
    checkLongestBackoff(policy, options.maxRetryDelayMs);
    const keyed = extras[IDEMPOTENT_EXTRA] as IdempotencyExtra | undefined;
    const where = `@EventPattern("${pattern}") ${IDEMPOTENT_EXTRA}`;
    const idempotency = keyed && resolveIdempotencyPolicy(keyed, options.idempotency, pattern, where);
    const most: unknown = extras[MAX_IN_FLIGHT_EXTRA];
    const maxInFlight =
      most === undefined
        ? undefined
        : wholeOption(
            `@EventPattern("${pattern}") ${MAX_IN_FLIGHT_EXTRA}`,
            most as number,
            1,
            options.maxInFlight,
          );
    const dispatch = dispatcherOf(handler, around);
    routes.set(stream, { pattern, stream, dispatch, policy, maxInFlight, idempotency });
  }
  return [...routes.values()];
}

/** Extras may be anybody's, such as `retries` of another transport; one that is nearly ours is ours, misspelt. */
function checkExtras(extras: Readonly<Record<string, unknown>>, pattern: string): void {
  for (const own of [RETRY_EXTRA, IDEMPOTENT_EXTRA, MAX_IN_FLIGHT_EXTRA]) {
    const wrong = Object.keys(extras).find((name) => name !== own && isNearly(name, own));
    if (wrong !== undefined) {
      throw new InvalidOptionError(
        `@EventPattern("${pattern}") ${wrong}`,
        `there is no such option; did you mean "${own}"?`,
      );
    }
  }
}
