import { Logger, type LoggerService, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { ConfigError, connectionOptions, loadConfig, type Config } from './config/index.js';
import { NoRedisError, startEmbeddedRedis } from './local/embedded-redis/index.js';
import { servePage } from './operations/dashboard/serve-page.js';
import { closeHttp } from './service/http/close-http.js';
import { configureHttp } from './service/http/configure-http.js';
import { listen, ListenError } from './service/http/listen.js';
import { serveHealth } from './service/http/serve-health.js';
import { announce } from './service/lifecycle/announce.js';
import { Shutdown } from './service/lifecycle/shutdown.js';
import { ServiceLogger } from './service/logging/service-logger.js';
import { DatabaseStartError } from './orders/store/postgres/database-start.error.js';
import { OrderStore } from './orders/store/order-store.js';
import {
  escapeLines,
  OrderStreamsError,
  RedisStreamsServer,
  type SingleConnectionOptions,
} from './transport/index.js';

/** Where the service keeps the Redis that it starts by itself. */
const DATA_DIR = '.data';

/** What ending takes in addition to the grace that running handlers are given, in milliseconds. */
const SHUTDOWN_MARGIN_MS = 5000;

/** Failures that the user can do something about: their message is enough, a stack trace would bury it. */
const EXPLAINED = [ConfigError, DatabaseStartError, ListenError, NoRedisError, OrderStreamsError];

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const logger = new ServiceLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
  });
  Logger.overrideLogger(logger);
  const shutdown = new Shutdown({
    limitMs: config.shutdownGraceMs + SHUTDOWN_MARGIN_MS,
    exit: (code) => process.exit(code),
  });
  shutdown.listen();
  try {
    await startService(config, logger, shutdown);
  } catch (error) {
    await shutdown.end();
    throw error;
  }
}

async function startService(config: Config, logger: LoggerService, shutdown: Shutdown): Promise<void> {
  const connection = connectionOptions(config) ?? (await startOwnRedis(config, shutdown));
  const options: Pick<NestApplicationOptions, 'logger' | 'bodyParser' | 'abortOnError'> = {
    logger,
    bodyParser: false,
    abortOnError: false,
  };
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config, connection),
    options,
  );
  shutdown.add('the HTTP server', () => closeHttp(app));
  configureHttp(app, config);
  servePage(app);
  const transport = app.get(RedisStreamsServer);
  shutdown.add('the transport', () => transport.close());
  app.connectMicroservice({ strategy: transport });
  await app.init();
  await listenForProbes(app, config, shutdown);
  const url = await listen(app.getHttpServer(), config.port, config.host);
  const store = app.get(OrderStore);
  const consuming = store.ready.then(() => app.startAllMicroservices());
  if (store.isReady) await consuming;
  else consuming.catch((error: unknown) => void endLate(error, shutdown));
  announce(url, { stream: config.streamKey, group: config.groupName });
}

async function listenForProbes(
  app: NestExpressApplication,
  { healthPort, host }: Config,
  shutdown: Shutdown,
): Promise<void> {
  if (healthPort === undefined) return;
  const server = serveHealth(app);
  shutdown.add('the health server', async () => {
    server.close();
    server.closeAllConnections();
    await Promise.resolve();
  });
  const healthUrl = await listen(server, healthPort, host, 'HEALTH_PORT');
  new Logger('Health').log(`Health is answered on ${healthUrl} too`, { healthUrl });
}

async function startOwnRedis(
  { embeddedRedis: mode }: Config,
  shutdown: Shutdown,
): Promise<SingleConnectionOptions> {
  const logger = new Logger('EmbeddedRedis');
  const redis = await startEmbeddedRedis({
    dataDir: DATA_DIR,
    mode,
    log: (line) => logger.log(line),
  });
  shutdown.add('the embedded Redis', () => redis.stop());
  const { url, socketPath } = redis;
  return { url, ...(socketPath !== undefined && { redis: { path: socketPath } }) };
}

/** The consumer could not start, long after the service did. */
async function endLate(error: unknown, shutdown: Shutdown): Promise<void> {
  await shutdown.end();
  endExplained(error);
}

function endExplained(error: unknown): never {
  const explained = EXPLAINED.some((type) => error instanceof type);
  const text = explained ? (error as Error).message : ((error as Error).stack ?? String(error));
  process.stderr.write(`${escapeLines(text)}\n`);
  process.exit(1);
}

/** Whatever nobody awaited or caught has left the process in a state that nobody knows. */
function endOnUnexpected(kind: string): (error: unknown) => void {
  return (error) => {
    new Logger('Process').fatal(kind, error);
    process.exit(1);
  };
}

process.on('unhandledRejection', endOnUnexpected('Unhandled rejection'));
process.on('uncaughtException', endOnUnexpected('Uncaught exception'));

try {
  await main();
} catch (error) {
  endExplained(error);
}
