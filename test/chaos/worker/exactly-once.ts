import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisStreamsContext, RedisStreamsServer } from '../../../src/transport/index.js';

/** Runs the work of an order and applies its effect. */
export interface Effect {
  run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void>;
}

export type EffectFactory = (server: RedisStreamsServer, stream: string, group: string) => Effect;

/** Effect, record of the order and acknowledgement in one step, for whom the entry is pending with this count alone. */
const COMMIT = `
  local row = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
  if not row then return {'gone'} end
  if row[2] ~= ARGV[2] or row[4] ~= tonumber(ARGV[4]) then return {'taken', row[2], row[4]} end
  if redis.call('HSETNX', KEYS[2], ARGV[5], ARGV[3]) == 1 then
    redis.call('XADD', KEYS[3], '*', 'orderId', ARGV[5], 'entryId', ARGV[3])
  end
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {'done'}`;

const RETRY_MS = 100;

/** An entry that another process has by now; nothing was applied. */
class TakenError extends Error {
  override readonly name = 'TakenError';

  constructor(owner: string, count: number) {
    super(`The entry is pending for ${owner} at count ${count}`);
  }
}

/** The effect of an order is applied once, however often it is sent and delivered. */
export class ExactlyOnce implements Effect {
  constructor(
    private readonly server: RedisStreamsServer,
    private readonly stream: string,
    private readonly group: string,
  ) {}

  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    await work();
    const keys = [this.stream, `{${this.stream}}:done`, `{${this.stream}}.effects`];
    const me = [this.group, context.getConsumer(), context.getEntryId(), context.getDeliveryCount()];
    const [answer, owner = '', count = 0] = await this.call([...keys, ...me, orderId]);
    if (answer === 'taken') throw new TakenError(owner, count);
  }

  /** Trouble of Redis is no failure of the order. */
  private async call(args: (string | number)[]): Promise<[string, string?, number?]> {
    for (;;) {
      try {
        const redis = this.server.unwrap<Redis>();
        return (await redis.eval(COMMIT, 3, ...args)) as [string, string?, number?];
      } catch (error) {
        if (error instanceof Error && /NOGROUP|closed/.test(error.message)) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}
