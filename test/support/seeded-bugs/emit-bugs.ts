import type { Place } from '../../../src/transport/redis/publisher/emit-part.js';
import type { LaneSupport } from '../../../src/transport/redis/publisher/emit-lane.js';
import type { RedisStreamsClient } from '../../../src/transport/index.js';

const MARK_TTL_MS = 60_000;

/** Gives each sending a number of its own, also when it is the same emit once more. */
export function blindArgs(): (place: Place) => (string | number)[] {
  let sendings = 0;
  return () => [(sendings += 1), 0, sendings, '0', MARK_TTL_MS];
}

/** Lets one client send what is in doubt again, as if it had never been sent. */
export function resendBlindly(client: RedisStreamsClient): void {
  const { support } = Reflect.apply(Reflect.get(client, 'connection') as () => Publisher, client, []);
  const { send } = support;
  const sendArgs = blindArgs();
  support.send = (make, parts) => {
    for (const part of parts)
      Object.defineProperty(part, 'sendArgs', { value: sendArgs, configurable: true });
    return send(make, parts);
  };
}

interface Publisher {
  readonly support: { -readonly [K in keyof LaneSupport]: LaneSupport[K] };
}
