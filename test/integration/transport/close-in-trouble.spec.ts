import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { openRedis } from '../../support/open-redis.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startServer, type StartedServer, type TestHandler } from '../../support/started-server.js';

/** Much longer than a test may take: what ends in time has not waited for it. */
const GRACE_MS = 600_000;
const ACK_WAIT_MS = 400;

let redis: TestRedis;
let admin: Redis;
let log: RecordedLog;

beforeEach(async () => {
  redis = await startRedis({ kind: 'process' });
  admin = openRedis(redis.url);
  log = new RecordedLog();
  Logger.overrideLogger(log);
});

afterEach(async () => {
  Logger.overrideLogger(false);
  admin.disconnect();
  await redis.stop();
});

const start = (handler: TestHandler = () => undefined, ackWaitMs = ACK_WAIT_MS): Promise<StartedServer> =>
  startServer({ url: redis.url, handler, options: { shutdownGraceMs: GRACE_MS, ackWaitMs } });

const add = ({ stream }: StartedServer, orderId: string) =>
  admin.xadd(stream, '*', 'orderId', orderId, 'retry', '0');

async function stopRedis(): Promise<() => boolean> {
  const [, pid] = /process_id:(\d+)/.exec(await admin.info('server')) ?? [];
  process.kill(Number(pid), 'SIGSTOP');
  return () => process.kill(Number(pid), 'SIGCONT');
}

describe('A transport whose handlers have all ended', () => {
  async function startAndHandle(): Promise<StartedServer> {
    const running = await start();
    await add(running, 'order-1');
    await eventually(() => running.told.processed[0]);
    return running;
  }

  it('is closed long before its grace is over when Redis was killed', async () => {
    const { server } = await startAndHandle();
    await redis.kill();
    await server.close();
    expect(log.troubles('did not finish')).toEqual([]);
  });

  it('is closed long before its grace is over when Redis stands still', async () => {
    const { server } = await startAndHandle();
    const goOn = await stopRedis();
    await server.close();
    expect(log.troubles('did not finish')).toEqual([]);
    goOn();
  });

  it('is closed long before its grace is over when Redis was never there', async () => {
    await redis.kill();
    const { server } = await start();
    await server.close();
    expect(log.troubles('did not finish')).toEqual([]);
  });

  it.each([
    ['is full', 'maxmemory', '1', '0'],
    ['has too few replicas', 'min-replicas-to-write', '1', '0'],
  ])('is closed long before its grace is over when Redis %s', async (_, name, begin, end) => {
    const { server } = await startAndHandle();
    await admin.config('SET', name, begin);
    await server.close();
    expect(log.troubles('did not finish')).toEqual([]);
    await admin.config('SET', name, end);
  });

  it('says of how many handlers Redis does not know that they have ended', async () => {
    let finish = (): void => undefined;
    const running = await start(() => new Promise<void>((resolve) => (finish = resolve)));
    await add(running, 'order-1');
    await eventually(() => running.told.received[0]);
    await redis.kill();
    finish();
    await eventually(() => running.told.processed[0]);
    await running.server.close();
    expect(log.troubles('1 handlers have ended, and Redis did not take')).toHaveLength(1);
  });
});

describe('A transport whose handler still runs while Redis is unavailable', () => {
  let finish: () => void;
  const run = (ackWaitMs?: number): Promise<StartedServer> =>
    start(() => new Promise<void>((resolve) => (finish = resolve)), ackWaitMs);
  const notWritten = (): string[] =>
    log.troubles('1 handlers have ended, and Redis did not take what became of their entries');

  /** Closes it, ends its handler when another transport, where nothing runs, is closed, and waits for the rest. */
  async function closeAndFinish(running: StartedServer): Promise<void> {
    let isClosed = false;
    const closing = running.server.close().then(() => (isClosed = true));
    await (await start()).server.close();
    expect(isClosed).toBe(false);
    finish();
    await closing;
  }
  async function handleWithoutRedis(running: StartedServer): Promise<void> {
    await add(running, 'order-1');
    await eventually(() => running.told.received[0]);
    await redis.kill();
  }

  it('waits for it, and says that its end could not be written', async () => {
    const running = await run(60_000);
    await handleWithoutRedis(running);
    await closeAndFinish(running);
    expect(running.told.processed).toHaveLength(1);
    expect(notWritten()).toHaveLength(1);
  });

  it('does not say that an entry is processed that another process can have been given', async () => {
    const running = await run(100);
    await handleWithoutRedis(running);
    const takenAt = performance.now();
    await eventually(() => performance.now() - takenAt > 200 || undefined);
    await closeAndFinish(running);
    expect(running.told.processed).toEqual([]);
    expect(notWritten()).toHaveLength(1);
  });
});
