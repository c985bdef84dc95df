import { ConfigError, loadConfig } from '../config/index.js';
import { loadFunctions, OrderStreamsError } from '../transport/index.js';

/** Loads the function library into the Redis that `REDIS_URL` names: `node dist/deploy/main.js`. */
async function main(): Promise<void> {
  const { redisUrl } = loadConfig(process.env);
  if (redisUrl === undefined) {
    throw new ConfigError(['REDIS_URL is not set; it must name the Redis, and a user with +function|load']);
  }
  await loadFunctions({ url: redisUrl });
  process.stdout.write('The function library is loaded.\n');
}

try {
  await main();
} catch (error) {
  const isExplained = error instanceof ConfigError || error instanceof OrderStreamsError;
  process.stderr.write(`${isExplained ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exit(1);
}
