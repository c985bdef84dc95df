import {
  Module,
  RequestMethod,
  type DynamicModule,
  type MiddlewareConsumer,
  type ModuleMetadata,
  type NestModule,
} from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { StoreCheck } from '../operations/health/store-check.js';
import { RedisStreamsClient } from '../transport/index.js';
import { CorrelationMiddleware } from './correlation.middleware.js';
import { OrderIntake } from './order-intake.js';
import { OrderLog } from './order-log.js';
import { DemonstrationProcessor, OrderProcessor } from './order-processor.js';
import { OrderReplay } from './order-replay.js';
import { OrderSettlement } from './order-settlement.js';
import { OrdersController } from './orders.controller.js';
import { OrdersHandler } from './orders.handler.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { OrderStore } from './store/order-store.js';
import { orderStoreProvider } from './store/order-store.provider.js';

/** Everything about orders: their HTTP routes, their handler, their records. */
@Module({})
export class OrdersModule implements NestModule {
  /**
   * @param imports - the modules that provide the `RedisStreamsServer` and the `DeadLetters`
   */
  static forRoot(options: OrdersOptions, ...imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    const { connection, streams, waitReplicas } = options;
    const client = {
      name: ORDERS_CLIENT,
      customClass: RedisStreamsClient,
      options: { connection, streams, ...(waitReplicas && { waitReplicas }) },
    };
    return {
      module: OrdersModule,
      imports: [ClientsModule.register([client]), ...imports],
      controllers: [OrdersController, OrdersHandler],
      providers: [
        { provide: ORDERS_OPTIONS, useValue: options },
        orderStoreProvider,
        { provide: StoreCheck, useExisting: OrderStore },
        { provide: OrderProcessor, useClass: DemonstrationProcessor },
        OrderIntake,
        OrderLog,
        OrderReplay,
        OrderSettlement,
      ],
      exports: [OrderStore, StoreCheck],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(CorrelationMiddleware).forRoutes({ path: 'orders', method: RequestMethod.POST });
  }
}
