import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { callsOf } from '../../support/open-redis.js';
import { recordingController } from '../../support/recording-controller.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

let redis: TestRedis;
let running: TransportApp;
let logger: RecordedLog;
beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
});
beforeEach(async () => {
  logger = new RecordedLog();
  running = await startTransportApp({
    url: redis.url,
    logger,
    controllers: recordingController().controllers,
  });
});
afterEach(() => running.close());
afterAll(() => redis.stop());

async function emitAndProcess(): Promise<void> {
  const id = await firstValueFrom(running.client.emit<string>('orders', {}));
  await eventually(() => running.processed.find(({ entryId }) => entryId === id));
  await eventuallyPasses(async () => expect(await running.pending()).toEqual([]));
}

const untilBlocked = () =>
  eventuallyPasses(async () => expect(await running.redis.info('clients')).toContain('blocked_clients:2'));

/** Reads, and calls of functions: those that make a group, and the few of a recovery once a second. */
async function readsAndRepairs(): Promise<number> {
  return (await callsOf(running.redis, 'xreadgroup')) + (await callsOf(running.redis, 'fcall'));
}

const LOSSES: [string, () => Promise<unknown>][] = [
  ['XGROUP DESTROY', () => running.redis.xgroup('DESTROY', running.stream, running.group)],
  ['DEL', () => running.redis.del(running.stream)],
  ['RENAME', () => running.redis.rename(running.stream, `${running.stream}-renamed`)],
  ['FLUSHALL', () => running.redis.flushall()],
];

describe('while the reader is blocked', () => {
  it.each(LOSSES)('%s is healed, with one log line and without a hot loop', async (_, lose) => {
    await emitAndProcess();
    await untilBlocked();
    const before = await readsAndRepairs();
    await lose();
    await emitAndProcess();

    expect((await readsAndRepairs()) - before).toBeLessThan(50);
    const lines = logger.troubles(running.stream);
    expect(lines.filter((line) => line.includes('is made again'))).toHaveLength(1);
    expect(lines.length).toBeLessThanOrEqual(2);
    await eventuallyPasses(async () =>
      expect(await running.server.checkHealth()).toEqual({ ready: true, causes: [] }),
    );
  });

  it('one loss after the other is healed, and logged once in five seconds', async () => {
    for (const [, lose] of LOSSES) {
      await untilBlocked();
      await lose();
      await emitAndProcess();
    }
    const lines = logger.troubles(running.stream);
    expect(lines.filter((line) => line.includes('is made again'))).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });
});

describe('a key that is no stream', () => {
  it('is reported, asked for now and then, and served once it is gone', async () => {
    await emitAndProcess();
    await running.redis.set(running.stream, 'x');
    await eventuallyPasses(async () =>
      expect(await running.server.checkHealth()).toMatchObject({
        ready: false,
        causes: [{ code: 'wrong-type', stream: running.stream }],
      }),
    );

    const before = await readsAndRepairs();
    await delay(1_500);
    expect((await readsAndRepairs()) - before).toBeLessThan(50);
    expect(logger.troubles('wrong-type')).toHaveLength(1);

    await running.redis.del(running.stream);
    await emitAndProcess();
    await eventuallyPasses(async () =>
      expect(await running.server.checkHealth()).toMatchObject({ ready: true }),
    );
  });

  it('does not keep a close from ending cleanly', async () => {
    await running.redis.set(running.stream, 'x');
    await eventuallyPasses(async () => expect((await running.server.checkHealth()).ready).toBe(false));

    await expect(running.server.close()).resolves.toBeUndefined();
    const names = String(await running.redis.client('LIST'));
    await eventuallyPasses(() => expect(names).not.toContain(':reader'));
  });
});
