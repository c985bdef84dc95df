import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from '../../src/app.module.js';
import { loadConfig } from '../../src/config/index.js';
import { configureHttp } from '../../src/service/http/configure-http.js';
import { ServiceLogger } from '../../src/service/logging/service-logger.js';
import { RedisStreamsServer } from '../../src/transport/index.js';
import type { LogRecord } from './service.js';
import { sharedRedisUrl } from './shared-redis.js';

/** The whole service in the process of the test, which can look into it. */
export interface ServiceInProcess {
  readonly url: string;
  /** What it has logged so far. */
  readonly records: readonly LogRecord[];
  close(): Promise<void>;
}

/** A logger that keeps its records. */
class KeptLog extends ServiceLogger {
  readonly records: LogRecord[] = [];

  constructor() {
    super({ level: 'log', format: 'json' });
  }

  protected override printAsJson(...[message, options]: Parameters<ServiceLogger['printAsJson']>): void {
    const line = this.stringifyJsonLogObject(this.getJsonLogObject(message, options));
    this.records.push(JSON.parse(line) as LogRecord);
  }
}

/** Starts the service as its main module does, on the shared Redis. */
export async function startServiceInProcess(env: Record<string, string>): Promise<ServiceInProcess> {
  const log = new KeptLog();
  Logger.overrideLogger(log);
  const config = loadConfig(env);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config, { url: sharedRedisUrl() }),
    { logger: log, bodyParser: false, abortOnError: false },
  );
  configureHttp(app, config);
  app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
  await app.init();
  await app.listen(0, '127.0.0.1');
  await app.startAllMicroservices();
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, records: log.records, close: () => app.close() };
}
