import { Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { RedisStreamsClient, RedisStreamsModule, type RedisStreamsClientOptions } from 'order-streams';
import { AwaitedOrders } from './awaited-orders.js';
import { ProcessedOrdersController } from './processed-orders.controller.js';
import { ORDERS, Storefront } from './storefront.js';

@Module({})
export class StorefrontModule {
  static register(redisUrl: string): DynamicModule {
    const options: RedisStreamsClientOptions = { connection: { url: redisUrl } };
    return {
      module: StorefrontModule,
      imports: [
        ClientsModule.register([{ name: ORDERS, customClass: RedisStreamsClient, options }]),
        // Last, so that it drains first when the app closes.
        RedisStreamsModule.forRoot({ connection: { url: redisUrl }, group: 'storefront' }),
      ],
      controllers: [ProcessedOrdersController],
      providers: [AwaitedOrders, Storefront],
    };
  }
}
