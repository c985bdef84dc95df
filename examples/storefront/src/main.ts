import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisStreamsServer } from 'order-streams';
import { AwaitedOrders } from './awaited-orders.js';
import { orders } from './order.js';
import { readSettings } from './settings.js';
import { StorefrontModule } from './storefront.module.js';
import { Storefront } from './storefront.js';

const settings = readSettings(process.argv.slice(2), process.env);
const closing = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => closing.abort());

const app = await NestFactory.createMicroservice(StorefrontModule.register(settings.redisUrl), {
  logger: new ConsoleLogger({ json: !process.stdout.isTTY }),
  inject: [RedisStreamsServer],
  useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
});
await app.listen();
const start = Date.now();
const sales = await app.get(Storefront).sell(orders(settings.count, settings.perSecond, closing.signal));
const seconds = (Date.now() - start) / 1000;
const processed = await app.get(AwaitedOrders).wait(closing.signal);
await app.close();

console.log(JSON.stringify({ ...sales, processed, seconds }));
process.exitCode = sales.failed > 0 && settings.count < Infinity ? 1 : 0;
