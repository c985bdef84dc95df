import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';

/**
 * A Nest microservice with one handler of order events, as a class with decorators would give it.
 *
 * @param options - the microservice's: a strategy, or a transport
 * @param handle - the handler: (order, context) => unknown
 */
export async function startNestApp(
  options,
  handle,
  { pipes = [], payloadType = Object, decorators = [] } = {},
) {
  class OrdersHandler {
    handle(order, context) {
      return handle(order, context);
    }
  }
  const method = [OrdersHandler.prototype, 'handle'];
  const descriptor = Object.getOwnPropertyDescriptor(...method);
  Payload()(...method, 0);
  Ctx()(...method, 1);
  Reflect.defineMetadata('design:paramtypes', [payloadType, Object], ...method);
  EventPattern('orders')(...method, descriptor);
  for (const decorate of decorators) decorate(...method, descriptor);
  Controller()(OrdersHandler);
  class App {}
  Module({ controllers: [OrdersHandler] })(App);
  const app = await NestFactory.createMicroservice(App, { ...options, logger: ['error', 'warn'] });
  if (pipes.length > 0) app.useGlobalPipes(...pipes);
  await app.listen();
  return app;
}
