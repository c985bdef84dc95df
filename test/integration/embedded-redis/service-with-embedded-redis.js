import { register } from 'node:module';
import { clearInterval, setInterval } from 'node:timers';

// A service as far as its embedded Redis goes: prints the URL, stops it on SIGTERM, forgets to on SIGUSR2.
register('../../support/typescript-loader.js', import.meta.url);
const { startEmbeddedRedis } = await import('../../../src/local/embedded-redis/index.ts');
const { pathSource } = await import('../../../src/local/embedded-redis/redis-sources.ts');

const redis = await startEmbeddedRedis({
  dataDir: process.argv[2],
  log: () => undefined,
  sources: [pathSource],
});
const alive = setInterval(() => undefined, 1000);
process.once('SIGUSR2', () => process.exit(1));
process.once('SIGTERM', () => {
  clearInterval(alive);
  void redis.stop();
});
console.log(redis.url);
