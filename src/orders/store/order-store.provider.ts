import type { FactoryProvider } from '@nestjs/common';
import type { RedisStreamsClient } from '../../transport/index.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, ORDERS_PATTERN, type OrdersOptions } from '../orders-options.js';
import { OrderStore } from './order-store.js';
import { openDatabase } from './postgres/database.js';
import { DatabaseStart } from './postgres/database-start.js';
import { migrate } from './postgres/migrate.js';
import { PostgresOrderStore } from './postgres/postgres-order-store.js';
import { OrderRecords } from './redis/order-records.js';
import { RedisOrderStore } from './redis/redis-order-store.js';

/** The store that the options ask for. One in PostgreSQL is made although that is unavailable, and begins with it. */
export const orderStoreProvider: FactoryProvider<OrderStore> = {
  provide: OrderStore,
  inject: [ORDERS_CLIENT, ORDERS_OPTIONS],
  useFactory: async (client: RedisStreamsClient, options: OrdersOptions) => {
    const records = new OrderRecords(client, options);
    if (!options.database) return new RedisOrderStore(records);
    const { database } = options;
    const start = new DatabaseStart(() => migrate(database.url));
    await start.begin();
    return new PostgresOrderStore(openDatabase(database), client.streamKey(ORDERS_PATTERN), records, start);
  },
};
