import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** What the command line and the environment ask for. */
export interface Settings {
  readonly redisUrl: string;
  /** Orders to emit in all. */
  readonly count: number;
  readonly perSecond: number;
}

/** The command line goes before the environment; without either, one order a second until a signal ends it. */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings {
  const { values } = parseArgs({ args, options: { count: { type: 'string' }, rate: { type: 'string' } } });
  const count = values.count ?? env.ORDERS_COUNT;
  const rate = values.rate ?? env.ORDERS_PER_SECOND;
  return {
    redisUrl: env.REDIS_URL ?? redisOfTheService(),
    count: positive('--count or ORDERS_COUNT', count, Infinity),
    perSecond: positive('--rate or ORDERS_PER_SECOND', rate, count === undefined ? 1 : Infinity),
  };
}

/** `npm start` of the service notes where the Redis is that it brought up, and its password. */
function redisOfTheService(): string {
  const urlFile = new URL('../../../.data/redis.url', import.meta.url);
  try {
    return readFileSync(urlFile, 'utf8').trim();
  } catch {
    throw new Error('No Redis to emit to: start the service with `npm start`, or set REDIS_URL');
  }
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`${name} must be a number above 0, not "${text}"`);
}
