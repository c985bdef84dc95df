import { Controller, Inject, Module, type DynamicModule } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { RedisStreamsContext, RedisStreamsModule, RedisStreamsServer, Retry } from '../../transport/index.js';
import { ACK_WAIT_MS, GROUP, ORDERS, RECOVERY_INTERVAL_MS, SHIPPED, type AppSettings } from './flow.js';
import { Journal } from './journal.js';

const SETTINGS = Symbol('AppSettings');

interface Order {
  readonly orderId: string;
}

/** The consumer of the article: fails for ids that begin with `fail-`, and does nothing about it. */
@Controller()
class OrdersHandler {
  constructor(
    private readonly journal: Journal,
    private readonly server: RedisStreamsServer,
    @Inject(SETTINGS) private readonly settings: AppSettings,
  ) {}

  // FixedBackOff(1000, 2)
  @Retry({ maxRetries: 2, backoff: { type: 'fixed', delayMs: 1000 } })
  @EventPattern<typeof ORDERS>(ORDERS)
  async handle(@Payload() { orderId }: Order, @Ctx() context: RedisStreamsContext): Promise<void> {
    const seen = { orderId, messageId: context.getEntryId(), retry: context.getRetry() };
    this.journal.report({ event: seen.retry === 0 ? 'received' : 'received again', ...seen });
    if (orderId.startsWith('fail-')) throw new Error(`Order ${orderId} cannot be processed`);
    const first = await this.takeEffect(orderId);
    this.journal.report({ event: first ? 'effect done' : 'effect found', ...seen });
    if (this.settings.hangAfterEffect) await new Promise(() => undefined);
  }

  /** @returns whether the order had not taken effect before */
  private async takeEffect(orderId: string): Promise<boolean> {
    return (await this.server.unwrap<Redis>().sadd(SHIPPED, orderId)) === 1;
  }
}

/** A consumer of orders, as small as it can be. */
@Module({})
export class OrdersModule {
  static forRoot(settings: AppSettings): DynamicModule {
    const transport = RedisStreamsModule.forRoot({
      connection: { url: settings.redisUrl },
      group: GROUP,
      consumerName: settings.name,
      ackWaitMs: ACK_WAIT_MS,
      recoveryIntervalMs: RECOVERY_INTERVAL_MS,
      // The timeline shows these.
      log: { except: ['failed', 'dead-lettered', 'reclaimed'] },
    });
    return {
      module: OrdersModule,
      controllers: [OrdersHandler],
      providers: [Journal, { provide: SETTINGS, useValue: settings }],
      imports: [transport],
    };
  }
}
