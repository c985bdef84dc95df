import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Pool, type PoolClient } from 'pg';
import {
  Idempotent,
  PostgresIdempotencyStore,
  RedisStreamsContext,
  RedisStreamsModule,
} from '../../../src/transport/index.js';
import { leaveCommitsUnnoticed } from '../../support/seeded-bugs/transaction-bugs.js';
import { GROUP } from '../../support/started-server.js';
import { kindIn } from '../plan/orders.js';
import { runWorker } from './run-worker.js';
import { EFFECT_TABLE, type WorkerSettings } from './worker-settings.js';

/** A small app on the transport: the effect of an order is a row, written in the transaction of its idempotency key. */
const settings = JSON.parse(process.env.CHAOS_WORKER ?? '{}') as WorkerSettings;
const { connection, stream, databaseUrl, maxInFlight } = settings;
const pool = new Pool({ connectionString: databaseUrl, max: maxInFlight });
const store = new PostgresIdempotencyStore(pool);

@Controller()
class OrdersHandler {
  @Idempotent(({ orderId }: { orderId: string }) => orderId)
  @EventPattern<string>('orders')
  async handle(
    @Payload() { orderId }: { orderId: string },
    @Ctx() context: RedisStreamsContext,
  ): Promise<void> {
    const transaction = context.getTransaction<PoolClient>();
    await transaction.query(`INSERT INTO ${EFFECT_TABLE} VALUES ($1, $2)`, [orderId, context.getEntryId()]);
    if (kindIn(orderId) !== 'committer') return;
    await transaction.query('COMMIT');
    throw new Error('fails after it has committed');
  }
}

@Module({
  controllers: [OrdersHandler],
  imports: [
    RedisStreamsModule.forRoot({
      ...{ connection, group: GROUP, streams: { orders: stream }, maxInFlight },
      ackWaitMs: settings.ackWaitMs,
      recoveryIntervalMs: settings.recoveryIntervalMs,
      retry: { maxRetries: settings.maxRetries, backoff: { type: 'fixed', delayMs: settings.backoffMs } },
      idempotency: { store },
    }),
  ],
})
class WorkerModule {}

if (settings.bug === 'unnoticed-commit') leaveCommitsUnnoticed();
else if (settings.bug !== undefined) throw new Error(`A worker on PostgreSQL has no bug "${settings.bug}".`);
await store.ensureTable();
await pool.query(`CREATE TABLE IF NOT EXISTS ${EFFECT_TABLE} (order_id text, entry_id text)`);
await runWorker(WorkerModule);
