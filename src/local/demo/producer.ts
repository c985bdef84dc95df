import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import { RedisStreamsClient } from '../../transport/index.js';
import { DEAD_LETTERS, GROUP, ORDERS, SHIPPED } from './flow.js';

const CLIENT = Symbol('Client');

/** What Redis holds when the demonstration is over. */
export interface Outcome {
  readonly pending: number;
  readonly shipped: readonly string[];
  readonly deadLetters: number;
}

/** Emits orders, and looks at what became of them. */
@Injectable()
export class Producer {
  constructor(@Inject(CLIENT) private readonly client: RedisStreamsClient) {}

  /** @returns the id of the entry, once Redis has it */
  send(orderId: string): Promise<string> {
    return lastValueFrom(this.client.emit<string>(ORDERS, { orderId }));
  }

  async outcome(): Promise<Outcome> {
    const redis = this.client.unwrap<Redis>();
    const [pending] = (await redis.xpending(ORDERS, GROUP)) as [number];
    return {
      pending,
      shipped: await redis.smembers(SHIPPED),
      deadLetters: await redis.xlen(DEAD_LETTERS),
    };
  }
}

/** The app that emits. */
@Module({})
export class ProducerModule {
  static forRoot(redisUrl: string): DynamicModule {
    const options = { connection: { url: redisUrl } };
    return {
      module: ProducerModule,
      imports: [ClientsModule.register([{ name: CLIENT, customClass: RedisStreamsClient, options }])],
      providers: [Producer],
    };
  }
}
