import { Controller, Module, type DynamicModule } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { RedisStreamsContext, RedisStreamsModule } from '../../transport/index.js';
import { DEAD_LETTERS, RECOVERY_INTERVAL_MS, type AppSettings } from './flow.js';
import { Journal } from './journal.js';

/** Consumes dead letters as any other stream. */
@Controller()
class DeadLettersHandler {
  constructor(private readonly journal: Journal) {}

  @EventPattern<typeof DEAD_LETTERS>(DEAD_LETTERS)
  handle(@Payload() { orderId }: { orderId: string }, @Ctx() context: RedisStreamsContext): void {
    const headers = context.getHeaders();
    this.journal.report({
      event: 'dead letter received',
      orderId,
      messageId: context.getEntryId(),
      retry: Number(headers.retry),
      detail: `${headers['dlt-reason'] ?? ''}: ${headers['dlt-exception-message'] ?? ''}`,
    });
  }
}

/** A consumer of dead letters, as small as it can be. */
@Module({})
export class DeadLettersModule {
  static forRoot({ redisUrl, name }: AppSettings): DynamicModule {
    const transport = RedisStreamsModule.forRoot({
      connection: { url: redisUrl },
      group: 'dlt-group',
      consumerName: name,
      recoveryIntervalMs: RECOVERY_INTERVAL_MS,
    });
    return {
      module: DeadLettersModule,
      controllers: [DeadLettersHandler],
      providers: [Journal],
      imports: [transport],
    };
  }
}
