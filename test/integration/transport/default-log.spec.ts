import { Controller, type Type } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  DependencyUnavailableError,
  NonRetryableError,
  type RedisStreamsServerOptions,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const SECRET = 'SECRET-CARD';
let running: TransportApp | undefined;
let logger: RecordedLog;

beforeEach(() => {
  logger = new RecordedLog();
});

afterEach(async () => {
  await running?.close();
  running = undefined;
  expect(JSON.stringify(logger.lines)).not.toContain(SECRET);
});

async function startWith(
  handle: (order: { n: number }) => unknown,
  server: Partial<RedisStreamsServerOptions> = {},
): Promise<TransportApp> {
  @Controller()
  class Orders {
    @EventPattern<string>('orders')
    handle(@Payload() order: { n: number }): unknown {
      return handle(order);
    }
  }
  const controllers: Type[] = [Orders];
  running = await startTransportApp({ controllers, logger, server });
  return running;
}

function emit(n: number): Promise<string> {
  if (!running) throw new Error('Nothing runs');
  return firstValueFrom(running.client.emit<string>('orders', { n, card: SECRET }));
}

/** The first such line, once it is there. */
async function lineOf(level: string, text: string): Promise<{ text: string; stack?: string }> {
  return eventually(() => linesOf(level, text)[0]);
}

function linesOf(level: string, text: string): { text: string; stack?: string }[] {
  return logger.lines.filter((line) => line.level === level && line.text.includes(text));
}

describe('The log that an application has without asking for it', () => {
  it('shows the error of a handler at the first attempt, with its stack, and that it is tried again', async () => {
    await startWith(() => (undefined as unknown as { total: number }).total);
    const id = await emit(1);

    const line = await lineOf('error', 'TypeError');
    expect(line.text).toMatch(
      new RegExp(`^Handling of "orders" failed with TypeError: entry ${id}, attempt 1: `),
    );
    expect(line.stack).toMatch(/TypeError: .*total.*\n.*default-log\.spec/);
    await lineOf('log', `is tried again: entry ${id} in `);
  });

  it('makes a few lines of many equal failures, and counts them', async () => {
    const server = { retry: { maxRetries: 0 } };
    const { deadLettered, app } = await startWith(() => {
      throw new RangeError('too much');
    }, server);
    await Promise.all(Array.from({ length: 300 }, (_, n) => emit(n)));
    await eventually(() => deadLettered[299]);
    expect(linesOf('error', '').length).toBeLessThanOrEqual(2);

    await app.close();
    expect(linesOf('error', 'RangeError: 299 more times')).toHaveLength(1);
    expect(linesOf('error', '(retries-exhausted after RangeError): 299 more times')).toHaveLength(1);
  });

  it('says why an entry was dead-lettered, and with which command to look at it', async () => {
    const { redis } = await startWith(() => {
      throw new NonRetryableError('never');
    });
    const id = await emit(1);

    const line = await lineOf('error', 'dead-lettered');
    expect(line.text).toContain(`(not-retryable after NonRetryableError): entry ${id} is `);
    const [, command = ''] = /redis-cli (XRANGE .*)$/.exec(line.text) ?? [];
    const letters = await callAsTyped(redis, command);
    expect(JSON.stringify(letters)).toContain(id);
  });

  it('says what is put off and why', async () => {
    await startWith(() => {
      throw new DependencyUnavailableError('no database');
    });
    const id = await emit(1);
    const line = await lineOf('warn', 'put off, uncharged, for DependencyUnavailableError');
    expect(line.text).toMatch(new RegExp(`entry ${id} for \\d+ ms: no database$`));
  });

  it.each(['error', false] as const)('is set by one option: %p', async (log) => {
    const { failed } = await startWith(
      () => {
        throw new Error('no luck');
      },
      { log, retry: { backoff: { type: 'fixed', delayMs: 0 } } },
    );
    await emit(1);
    await eventually(() => failed[2]);
    await running?.app.close();
    const own = logger.lines.filter(({ text }) => /"orders"|Recovery/.test(text));
    expect(new Set(own.map(({ level }) => level))).toEqual(new Set(log === false ? [] : ['error']));
  });
});

async function callAsTyped(redis: Redis, command: string): Promise<unknown> {
  const [name = '', ...args] = command.split(' ');
  return redis.call(name, ...args);
}
