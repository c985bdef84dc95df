import { Logger } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient, type RedisStreamsClientOptions } from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';

const SECRET = 'a payload that is in no line';

let log: RecordedLog;
let proxy: TcpProxy;
let client: RedisStreamsClient;
beforeEach(async () => {
  log = new RecordedLog();
  Logger.overrideLogger(log);
  proxy = await startProxy('127.0.0.1', 1);
  await proxy.stop();
});
afterEach(() => {
  Logger.overrideLogger(false);
});

function clientWith(options: Partial<RedisStreamsClientOptions> = {}): RedisStreamsClient {
  client = new RedisStreamsClient({
    ...{ connection: { url: `redis://127.0.0.1:${proxy.port}` }, emitTimeoutMs: 100 },
    ...options,
  });
  return client;
}

it('that fail are in the log: the first of a kind in full, the others counted, never a payload', async () => {
  clientWith();
  for (let number = 0; number < 50; number += 1) client.emit('orders', { number, SECRET });
  await eventuallyPasses(() => expect(log.troubles()).toHaveLength(1));
  client.emit('payments', SECRET);
  await client.close();
  expect(log.troubles()).toEqual([
    expect.stringMatching(
      /^An emit of "orders" failed with RedisUnavailableError, and nobody awaited it: the event is not in/,
    ) as string,
    expect.stringMatching(/^An emit of "payments" failed/) as string,
    expect.stringMatching(/^An emit of "orders" failed.*: 49 more times within a minute$/) as string,
  ]);
  expect(JSON.stringify(log.lines)).not.toContain(SECRET);
});

it('that never could be sent are in the log as well', async () => {
  clientWith();
  client.emit('orders', undefined);
  client.emit('orders', 1n);
  await client.close();
  expect(log.troubles('An emit of "orders" failed with')).toHaveLength(2);
});

it.each([
  ['holds what JSON does not know', { id: 1n }, 'An emit of "{"id":1}" failed with'],
  [
    'has its properties in another order',
    { to: 'b', from: 'a' },
    'An emit of "{"from":"a","to":"b"}" failed with',
  ],
  ['has no name', { id: Symbol('s') }, 'An emit of a pattern that cannot be written failed with'],
])('are in the log when their pattern %s', async (_, pattern, line) => {
  clientWith().emit(pattern, {});
  await client.close();
  expect(log.troubles(line)).toHaveLength(1);
});

it('end nothing when the logger of the application throws, which is said as a warning of the process', async () => {
  const warnings: string[] = [];
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error): void => void warnings.push(String(warning));
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const failing = (): never => {
    throw new TypeError(SECRET);
  };
  Logger.overrideLogger({ log: failing, warn: failing, error: failing });
  clientWith().emit('orders', {});
  await client.close();
  process.off('unhandledRejection', note);
  process.emitWarning = emitWarning;
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /^The logger of the application threw TypeError; it did not take: An emit of "orders"/,
  );
  expect(JSON.stringify([...warnings, ...unhandled.map(String)])).not.toContain(SECRET);
  expect(unhandled).toEqual([]);
});

it('are not in the log when somebody is given the error, or when the option says so', async () => {
  clientWith();
  await expect(firstValueFrom(client.emit('orders', {}))).rejects.toThrow('could not be reached');
  await expect(firstValueFrom(client.emit('orders', undefined))).rejects.toThrow();
  await client.close();
  clientWith({ log: false }).emit('orders', {});
  await client.close();
  expect(log.troubles()).toEqual([]);
});
