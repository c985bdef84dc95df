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

it('are not in the log when somebody is given the error, or when the option says so', async () => {
  clientWith();
  await expect(firstValueFrom(client.emit('orders', {}))).rejects.toThrow('could not be reached');
  await expect(firstValueFrom(client.emit('orders', undefined))).rejects.toThrow();
  await client.close();
  clientWith({ log: false }).emit('orders', {});
  await client.close();
  expect(log.troubles()).toEqual([]);
});
