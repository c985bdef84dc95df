import { Socket } from 'node:net';
import { RpcExceptionsHandler } from '@nestjs/microservices/exceptions/rpc-exceptions-handler.js';
import { RpcContextCreator } from '@nestjs/microservices/context/rpc-context-creator.js';
import { trace, type TracerProvider } from '@opentelemetry/api';
import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { recordingController } from '../../support/recording-controller.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

const undo: (() => void)[] = [];
let running: TransportApp | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
  for (const restore of undo.splice(0)) restore();
});

/** Gives a class another method. */
function plant({ prototype }: { prototype: object }, name: string, change: (proper: Method) => Method): void {
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  const value = change(Reflect.get(prototype, name) as Method);
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  undo.push(() => {
    if (own) Object.defineProperty(prototype, name, own);
    else Reflect.deleteProperty(prototype, name);
  });
}

/** Makes a class inherit a method that it has itself. */
function inherit({ prototype }: { prototype: object }, name: string): void {
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  if (!own) throw new Error(`There is no method "${name}".`);
  const parent = Object.getPrototypeOf(prototype) as object;
  Reflect.deleteProperty(prototype, name);
  Object.defineProperty(parent, name, own);
  undo.push(() => {
    Reflect.deleteProperty(parent, name);
    Object.defineProperty(prototype, name, own);
  });
}

// What is planted in Nest comes first: what fits is wrapped for as long as the process lives.
const SHAPES: readonly [what: string, lines: readonly string[], change: () => void][] = [
  [
    'Nest handles exceptions and parameters otherwise',
    ['This version of Nest fills the parameters', 'This version of Nest handles exceptions'],
    () => {
      inherit(RpcExceptionsHandler, 'handle');
      plant(RpcContextCreator, 'createPipesFn', (proper) => {
        return function (...[pipes, params]: unknown[]) {
          return proper.call(this, pipes, params);
        };
      });
    },
  ],
  [
    'OpenTelemetry has no stand-in for an SDK',
    ['an SDK is registered: each delivery', 'an SDK is registered: each emit'],
    () => {
      plant({ prototype: Object.getPrototypeOf(trace) as object }, 'getTracerProvider', (proper) => {
        return function () {
          const provider = proper.call(this) as TracerProvider;
          return { getTracer: (name: string) => provider.getTracer(name) };
        };
      });
    },
  ],
  [
    'ioredis writes to its own link whatever it is given',
    ['This version of ioredis writes commands'],
    () => {
      plant(Redis, 'sendCommand', (proper) => {
        return function (command) {
          return proper.call(this, command);
        };
      });
    },
  ],
  [
    'ioredis hears its link twice',
    ['This version of ioredis reads its links'],
    () => {
      plant(Socket, 'prependListener', (proper) => {
        return function (event, listener) {
          if (event === 'data') proper.call(this, 'data', () => undefined);
          return proper.call(this, event, listener);
        };
      });
    },
  ],
];

it.each(SHAPES)(
  'where %s, the log says so once and everything is delivered',
  async (_what, lines, change) => {
    change();
    const logger = new RecordedLog();
    let failures = 0;
    const { controllers, received } = recordingController(({ payload }) => {
      if (payload !== 7 || failures > 0) return;
      failures += 1;
      throw new Error('fails once');
    });
    running = await startTransportApp({
      ...{ controllers, logger },
      server: { retry: { backoff: { type: 'fixed', delayMs: 10 } } },
    });
    const { client, redis, stream } = running;

    await Promise.all(
      Array.from({ length: 200 }, (_, number) => firstValueFrom(client.emit('orders', number))),
    );

    await eventually(() => (received.length === 201 ? true : undefined));
    await eventually(async () => ((await running?.pending())?.length === 0 ? true : undefined));
    expect(new Set(received.map(({ payload }) => payload)).size).toBe(200);
    expect(await redis.xlen(stream)).toBe(200);
    expect(logger.troubles('This version of')).toEqual(
      lines.map((line) => expect.stringContaining(line) as unknown),
    );
  },
);
