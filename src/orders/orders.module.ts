import { Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { RedisStreamsClient } from '../transport/index.js';
import { OrderIntake } from './order-intake.js';
import { OrderLog } from './order-log.js';
import { DemonstrationProcessor, OrderProcessor } from './order-processor.js';
import { OrderSettlement } from './order-settlement.js';
import { OrdersController } from './orders.controller.js';
import { OrdersHandler } from './orders.handler.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { orderStoreProvider } from './store/order-store.provider.js';

/** Everything about orders: their HTTP routes, their handler, their records. */
@Module({})
export class OrdersModule {
  /** @param transport - the module that provides the `RedisStreamsServer` */
  static forRoot(options: OrdersOptions, transport: DynamicModule): DynamicModule {
    const { connection, streams } = options;
    const client = { name: ORDERS_CLIENT, customClass: RedisStreamsClient, options: { connection, streams } };
    return {
      module: OrdersModule,
      imports: [ClientsModule.register([client]), transport],
      controllers: [OrdersController, OrdersHandler],
      providers: [
        { provide: ORDERS_OPTIONS, useValue: options },
        orderStoreProvider,
        { provide: OrderProcessor, useClass: DemonstrationProcessor },
        OrderIntake,
        OrderLog,
        OrderSettlement,
      ],
    };
  }
}
