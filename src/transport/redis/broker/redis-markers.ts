import type { MarkerAnswer, MarkerBroker, MarkerClaim } from '../port.js';
import type { RedisCommands } from './redis-commands.js';

/** Most markers that one call asks for: Redis serves nobody else meanwhile. */
const MARKERS_PAGE = 200;

type BeginReply = [state: MarkerAnswer['state'], detail?: number | string][];

/** Markers of idempotency keys, strings next to the stream. */
export class RedisMarkers implements MarkerBroker {
  constructor(private readonly redis: RedisCommands) {}

  async begin(stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]> {
    const answers: MarkerAnswer[] = [];
    for (let at = 0; at < claims.length; at += MARKERS_PAGE) {
      const page = claims.slice(at, at + MARKERS_PAGE);
      const keys = [stream, ...page.map(({ marker }) => marker)];
      const args = page.flatMap(({ entry, ttlMs }, index) => [
        ...[index + 2, entry.id, entry.deliveryCount, ttlMs],
      ]);
      const reply = (await this.redis.functions.call('begin', keys, [
        ...this.redis.me(),
        ...args,
      ])) as BeginReply;
      answers.push(...reply.map(([state, detail]) => answerOf(state, detail)));
    }
    return answers;
  }
}

function answerOf(state: MarkerAnswer['state'], detail?: number | string): MarkerAnswer {
  if (state === 'busy') return { state, idleMs: Number(detail) };
  return state === 'refused' ? { state, problem: String(detail) } : { state };
}
