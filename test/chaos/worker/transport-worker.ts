import 'reflect-metadata';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Inject, Module } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { RedisStreamsContext, RedisStreamsModule, RedisStreamsServer } from '../../../src/transport/index.js';
import { GROUP } from '../../support/started-server.js';
import { Ledger } from '../account/ledger.js';
import { kindIn } from '../plan/orders.js';
import { plantBug } from './bugs.js';
import { ExactlyOnce, type Effect, type EffectFactory } from './exactly-once.js';
import { watchedDelay } from './ownership.js';
import { runWorker } from './run-worker.js';
import type { WorkerSettings } from './worker-settings.js';

/** A small app on the transport: each order has one effect, applied in one step with its acknowledgement. */
const settings = JSON.parse(process.env.CHAOS_WORKER ?? '{}') as WorkerSettings;
const { connection, stream, directory, slot, ackWaitMs, handlerMs } = settings;
const ledger = new Ledger(join(directory, `runs-${slot}.ledger`));

const EFFECT = Symbol('Effect');
const factory: EffectFactory = plantBug(settings.bug) ?? (() => new ExactlyOnce());

/** The clock of this process may be wrong. */
const rightNow = (): number => Math.round(performance.timeOrigin + performance.now());

@Controller()
class OrdersHandler {
  constructor(
    @Inject(EFFECT) private readonly effect: Effect,
    private readonly server: RedisStreamsServer,
  ) {}

  @EventPattern<string>('orders')
  async handle(
    @Payload() { orderId }: { orderId: string },
    @Ctx() context: RedisStreamsContext,
  ): Promise<void> {
    const entryId = context.getEntryId();
    const count = context.getDeliveryCount();
    ledger.write('start', rightNow(), process.pid, entryId, count);
    await this.effect.run(orderId, context, () => this.work(orderId, context));
    ledger.write('end', entryId, count);
  }

  private async work(orderId: string, context: RedisStreamsContext): Promise<void> {
    const kind = kindIn(orderId);
    const count = context.getDeliveryCount();
    if (kind === 'killer') process.kill(process.pid, 'SIGKILL');
    if (kind !== 'slow') await delay(handlerMs);
    // The first delivery hangs, so that one that was frozen meets its successor.
    else if (count === 1) await delay(ackWaitMs * 4);
    else {
      const robbery = await watchedDelay(ackWaitMs * 1.2, this.server.unwrap(), context, GROUP);
      if (robbery) ledger.write('robbed', context.getEntryId(), count, 'by', robbery.owner, robbery.count);
    }
    if (kind === 'poison') throw new Error('fails for ever');
    const failures = orderId.endsWith('0') ? 2 : 1;
    if (kind === 'flaky' && count <= failures) throw new Error(`fails ${failures} times`);
  }
}

@Module({
  controllers: [OrdersHandler],
  providers: [
    {
      provide: EFFECT,
      inject: [RedisStreamsServer],
      useFactory: (server: RedisStreamsServer) => factory(server, stream, GROUP),
    },
  ],
  imports: [
    RedisStreamsModule.forRoot({
      connection,
      group: GROUP,
      streams: { orders: stream },
      maxInFlight: settings.maxInFlight,
      ackWaitMs,
      recoveryIntervalMs: settings.recoveryIntervalMs,
      retry: { maxRetries: settings.maxRetries, backoff: { type: 'fixed', delayMs: settings.backoffMs } },
      retention: { maxEntries: settings.retentionMaxEntries },
    }),
  ],
})
class WorkerModule {}

await runWorker(WorkerModule);
