import { Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { RedisStreamsClient } from '../transport/index.js';
import { OrderIntake } from './order-intake.js';
import { OrderLog } from './order-log.js';
import { OrderProcessor } from './order-processor.js';
import { OrderSettlement } from './order-settlement.js';
import { OrderStore } from './order-store.js';
import { OrdersController } from './orders.controller.js';
import { OrdersHandler } from './orders.handler.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { RecordingOrderProcessor } from './recording-order-processor.js';
import { RedisOrderStore } from './redis-order-store.js';

/** Everything about orders: their HTTP routes, their handler, their records. */
@Module({})
export class OrdersModule {
  /** @param transport - the module that provides the `RedisStreamsServer` */
  static forRoot(options: OrdersOptions, transport: DynamicModule): DynamicModule {
    const { connection, streams, waitReplicas } = options;
    const client = {
      name: ORDERS_CLIENT,
      customClass: RedisStreamsClient,
      options: { connection, streams, ...(waitReplicas && { waitReplicas }) },
    };
    return {
      module: OrdersModule,
      imports: [ClientsModule.register([client]), transport],
      controllers: [OrdersController, OrdersHandler],
      providers: [
        { provide: ORDERS_OPTIONS, useValue: options },
        { provide: OrderStore, useClass: RedisOrderStore },
        { provide: OrderProcessor, useClass: RecordingOrderProcessor },
        OrderIntake,
        OrderLog,
        OrderSettlement,
      ],
    };
  }
}
