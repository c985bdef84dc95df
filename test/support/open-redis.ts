import { Redis } from 'ioredis';

/** A connection of a test's own, for looking at and disturbing what the transport does. */
export function openRedis(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  return redis;
}

/** How often Redis has served a command, by its statistics. */
export async function callsOf(redis: Redis, command: string): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command.replace('|', '\\|')}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}
