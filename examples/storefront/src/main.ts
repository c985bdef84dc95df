import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { orders } from './order.js';
import { readSettings } from './settings.js';
import { StorefrontModule } from './storefront.module.js';
import { Storefront } from './storefront.js';

const settings = readSettings(process.argv.slice(2), process.env);
const closing = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => closing.abort());

const app = await NestFactory.createApplicationContext(StorefrontModule.register(settings.redisUrl), {
  logger: new ConsoleLogger({ json: !process.stdout.isTTY }),
});
const start = Date.now();
const sales = await app.get(Storefront).sell(orders(settings.count, settings.perSecond, closing.signal));
await app.close();

console.log(JSON.stringify({ ...sales, seconds: (Date.now() - start) / 1000 }));
process.exitCode = sales.failed > 0 && settings.count < Infinity ? 1 : 0;
