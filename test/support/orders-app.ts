import { Logger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Redis } from 'ioredis';
import type { OrderEventDto } from '../../src/orders/dto/order-event.dto.js';
import { OrderIntake } from '../../src/orders/order-intake.js';
import { OrderProcessor } from '../../src/orders/order-processor.js';
import { viewOf, type OrderView } from '../../src/orders/order-state.js';
import { DeadLettersModule } from '../../src/operations/dead-letters/dead-letters.module.js';
import { OrdersModule } from '../../src/orders/orders.module.js';
import { OrderStore } from '../../src/orders/store/order-store.js';
import {
  DeadLetters,
  RedisStreamsModule,
  RedisStreamsServer,
  type DeliveryEvent,
} from '../../src/transport/index.js';
import { fieldsOf } from './original-fields.js';
import { openRedis } from './open-redis.js';
import { GROUP } from './started-server.js';
import { uniqueName } from './unique-name.js';

export interface OrdersAppOptions {
  /** Redis as the app sees it. */
  readonly url: string;
  readonly databaseUrl: string | undefined;
  readonly ackWaitMs?: number;
  /** What the handler does; default nothing. */
  readonly process?: (order: OrderEventDto) => Promise<void>;
}

/** The orders of the service in an app of this process, with short times and one retry. */
export interface OrdersApp {
  readonly stream: string;
  readonly intake: OrderIntake;
  readonly store: OrderStore;
  readonly server: RedisStreamsServer;
  readonly redis: Redis;
  readonly duplicates: DeliveryEvent[];
  /** Adds an entry of the order, as any producer may. @returns its id */
  add(orderId: string, ...fields: string[]): Promise<string>;
  view(orderId: string): Promise<OrderView | undefined>;
  /** The follow-up events, with their headers as fields beside the payload. */
  followUps(): Promise<Record<string, unknown>[]>;
  /** Puts a dead letter back, also one that is foreign where its stream is said. @returns the id of its new entry */
  replay(deadLetterId: string, stream?: string): Promise<string>;
  deadLetters(): Promise<{ id: string; fields: Record<string, string> }[]>;
  pending(): Promise<string[]>;
  close(): Promise<void>;
}

// What goes wrong here goes wrong on purpose.
Logger.overrideLogger(false);

export async function startOrdersApp(options: OrdersAppOptions): Promise<OrdersApp> {
  const { url, databaseUrl, ackWaitMs = 300, process = () => Promise.resolve() } = options;
  const stream = uniqueName('orders');
  const [connection, streams] = [{ url }, { orders: stream }];
  const transport = RedisStreamsModule.forRoot({
    ...{ connection, streams, group: GROUP, ackWaitMs, recoveryIntervalMs: 25 },
    retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 20 } },
  });
  const database = databaseUrl === undefined ? undefined : { url: databaseUrl, poolSize: 5 };
  const orders = { connection, streams, group: GROUP, orderTtlMs: 3_600_000, database };
  const deadLetters = DeadLettersModule.forRoot({ connection, streams, pattern: 'orders' });
  const module = await Test.createTestingModule({
    imports: [OrdersModule.forRoot(orders, transport, deadLetters), transport],
  })
    .overrideProvider(OrderProcessor)
    .useValue({ process })
    .compile();
  const app: INestApplication = module.createNestApplication({ logger: false });
  const server = app.get(RedisStreamsServer);
  app.connectMicroservice({ strategy: server });
  const duplicates: DeliveryEvent[] = [];
  server.on('duplicate', (event) => void duplicates.push(event));
  await app.startAllMicroservices();
  await app.init();

  const redis = openRedis(url);
  const store = app.get(OrderStore);
  return {
    ...{ stream, intake: app.get(OrderIntake), store, server, redis, duplicates },
    add: async (orderId, ...fields) =>
      (await redis.xadd(stream, '*', 'data', JSON.stringify({ orderId }), 'retry', '0', ...fields)) ?? '',
    view: async (orderId) => {
      const snapshot = await store.find(orderId);
      return snapshot && viewOf(snapshot);
    },
    followUps: async () =>
      (await redis.xrange(`${stream}.processed`, '-', '+')).map(([, parts]) => {
        const { data = '{}', retry, ...headers } = fieldsOf(parts);
        return { ...(JSON.parse(data) as object), ...headers, retry };
      }),
    replay: async (id, said) =>
      (await app.get(DeadLetters).replay(id, { by: 'test' }, undefined, said)).entryId ?? '',
    deadLetters: async () =>
      (await redis.xrange(`${stream}.DLT`, '-', '+')).map(([id, parts]) => ({ id, fields: fieldsOf(parts) })),
    pending: async () => {
      const rows = (await redis.xpending(stream, GROUP, '-', '+', 1_000)) as [string][];
      return rows.map(([id]) => id);
    },
    close: async () => {
      await app.close();
      redis.disconnect();
    },
  };
}
