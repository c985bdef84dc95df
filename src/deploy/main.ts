import { ConfigError, connectionOptions, loadConfig } from '../config/index.js';
import { escapeLines, loadFunctions, OrderStreamsError } from '../transport/index.js';

/** Loads the function library into the Redis that the configuration names: `node dist/deploy/main.js`. */
async function main(): Promise<void> {
  const connection = connectionOptions(loadConfig(process.env));
  if (!connection) {
    throw new ConfigError([
      'REDIS_URL is not set, nor REDIS_SENTINELS nor REDIS_CLUSTER_NODES; ' +
        'one of them must name the Redis, and the user must have +function|load',
    ]);
  }
  await loadFunctions(connection);
  process.stdout.write('The function library is loaded.\n');
}

try {
  await main();
} catch (error) {
  const isExplained = error instanceof ConfigError || error instanceof OrderStreamsError;
  const text = isExplained ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`${escapeLines(text)}\n`);
  process.exit(1);
}
