import { register } from 'node:module';

/** Starts the Redis that all tests of a run share, unless `TEST_REDIS_URL` names one. */
export default async function setup() {
  if (process.env.TEST_REDIS_URL !== undefined) return;
  register('./typescript-loader.js', import.meta.url);
  const { startRedis } = await import('./redis.ts');
  globalThis.sharedTestRedis = await startRedis();
  process.env.TEST_REDIS_URL = globalThis.sharedTestRedis.url;
}
