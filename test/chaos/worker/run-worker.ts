import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisStreamsServer } from '../../../src/transport/index.js';

/** Runs the app of a worker until it is stopped, or its parent is gone; says when it is ready. */
export async function runWorker(root: Type): Promise<void> {
  const app = await NestFactory.createMicroservice(root, {
    logger: ['fatal', 'error', 'warn'],
    inject: [RedisStreamsServer],
    useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
  });
  process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
  process.once('disconnect', () => process.exit(1));
  await app.listen();
  process.send?.('ready');
}
