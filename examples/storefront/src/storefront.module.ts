import { Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { RedisStreamsClient, type RedisStreamsClientOptions } from 'order-streams';
import { ORDERS, Storefront } from './storefront.js';

@Module({})
export class StorefrontModule {
  static register(redisUrl: string): DynamicModule {
    const options: RedisStreamsClientOptions = { connection: { url: redisUrl } };
    return {
      module: StorefrontModule,
      imports: [ClientsModule.register([{ name: ORDERS, customClass: RedisStreamsClient, options }])],
      providers: [Storefront],
    };
  }
}
