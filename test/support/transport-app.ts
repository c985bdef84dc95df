import {
  Module,
  type INestApplication,
  type INestMicroservice,
  type LoggerService,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Redis } from 'ioredis';
import {
  RedisStreamsClient,
  RedisStreamsModule,
  RedisStreamsServer,
  type DeadLetteredEvent,
  type FailedEvent,
  type RedisConnectionOptions,
  type RedisStreamsClientOptions,
  type RedisStreamsServerOptions,
  type SettledEvent,
} from '../../src/transport/index.js';
import { openRedis } from './open-redis.js';
import { sharedRedisUrl } from './shared-redis.js';
import { uniqueName } from './unique-name.js';

/** The ways in which a Nest app can serve the transport. */
export const APP_KINDS = ['plain', 'hybrid', 'hybrid with inheritAppConfig'] as const;
export type AppKind = (typeof APP_KINDS)[number];

export interface TransportAppOptions extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  kind?: AppKind;
  /** Redis as the app sees it; default the shared one. */
  url?: string;
  /** Redis as the test sees it, when the app goes through a proxy; default `url`. */
  directUrl?: string;
  /** How the app and its client reach a Redis that is not under one URL. */
  connection?: RedisConnectionOptions;
  client?: Partial<RedisStreamsClientOptions>;
  /** The patterns `orders` and `payments` have streams of their own unless `streams` says otherwise. */
  server?: Partial<RedisStreamsServerOptions>;
  logger?: LoggerService | false;
  configure?: (app: INestApplication | INestMicroservice) => void;
}

/** A running Nest app with the transport, and what a test needs beside it. */
export interface TransportApp {
  readonly app: INestApplication | INestMicroservice;
  readonly server: RedisStreamsServer;
  /** Keys of the streams of the patterns `orders` and `payments`. */
  readonly stream: string;
  readonly payments: string;
  readonly group: string;
  /** The test's own connection. */
  readonly redis: Redis;
  readonly client: RedisStreamsClient;
  readonly processed: SettledEvent[];
  readonly failed: FailedEvent[];
  readonly deadLettered: DeadLetteredEvent[];
  /** Ids of the entries of a stream, by default that of `orders`, that are not acknowledged. */
  pending(stream?: string): Promise<string[]>;
  close(): Promise<void>;
}

@Module({})
class RootModule {}

/** Starts an app whose transport reads streams of its own. */
export async function startTransportApp(options: TransportAppOptions): Promise<TransportApp> {
  const { url = sharedRedisUrl(), directUrl = url, controllers = [], providers = [], imports = [] } = options;
  const streams = {
    orders: uniqueName('orders'),
    payments: uniqueName('payments'),
    ...options.server?.streams,
  };
  const group = options.server?.group ?? 'test-group';
  const { connection = { url } } = options;
  const transport = RedisStreamsModule.forRoot({ connection, ...options.server, group, streams });
  const root = { module: RootModule, controllers, providers, imports: [...imports, transport] };
  const events = {
    processed: [] as SettledEvent[],
    failed: [] as FailedEvent[],
    deadLettered: [] as DeadLetteredEvent[],
  };
  const observe = (server: RedisStreamsServer): void => {
    server.on('processed', (event) => void events.processed.push(event));
    server.on('failed', (event) => void events.failed.push(event));
    server.on('dead-lettered', (event) => void events.deadLettered.push(event));
  };
  const app = await (options.kind?.startsWith('hybrid') === true
    ? startHybrid(root, options, observe)
    : startPlain(root, options, observe));

  const redis = openRedis(directUrl);
  const client = new RedisStreamsClient({
    connection: options.connection ?? { url: directUrl },
    ...options.client,
    streams,
  });
  return {
    ...{ app, group, redis, client, ...events },
    server: app.get(RedisStreamsServer),
    stream: streams.orders,
    payments: streams.payments,
    async pending(stream = streams.orders) {
      const rows = (await redis.xpending(stream, group, '-', '+', 10_000)) as [string][];
      return rows.map(([id]) => id);
    },
    async close() {
      await app.close();
      await client.close();
      redis.disconnect();
    },
  };
}

type Root = Parameters<typeof NestFactory.create>[0];

async function startPlain(
  root: Root,
  { logger = false, configure }: TransportAppOptions,
  observe: (server: RedisStreamsServer) => void,
): Promise<INestMicroservice> {
  const app = await NestFactory.createMicroservice(root as never, {
    ...{ logger, abortOnError: false },
    inject: [RedisStreamsServer],
    useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
  });
  configure?.(app);
  observe(app.get(RedisStreamsServer));
  await app.listen().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  return app;
}

async function startHybrid(
  root: Root,
  { kind, logger = false, configure }: TransportAppOptions,
  observe: (server: RedisStreamsServer) => void,
): Promise<INestApplication> {
  const app = await NestFactory.create(root, { logger, abortOnError: false });
  const inheritAppConfig = kind === 'hybrid with inheritAppConfig';
  configure?.(app);
  observe(app.get(RedisStreamsServer));
  app.connectMicroservice({ strategy: app.get(RedisStreamsServer) }, { inheritAppConfig });
  await app.startAllMicroservices().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  await app.listen(0, '127.0.0.1');
  return app;
}
