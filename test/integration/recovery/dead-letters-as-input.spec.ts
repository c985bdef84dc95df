import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A dead-letter stream as input', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = `${uniqueName('orders')}.DLT`;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(handler: ServerSetup['handler']): Promise<StartedServer> {
    const running = await startServer({ stream, handler });
    started.push(running);
    return running;
  }
  const fails = (): never => {
    throw new Error('again');
  };
  /** The dead letter is done for the group, stays where it is, and made no other. */
  const staysAsItIs = () =>
    eventuallyPasses(async () => {
      expect(await pendingRows(redis, stream)).toEqual([]);
      expect(await redis.xlen(stream)).toBe(1);
      expect(await redis.keys(`*${stream}.DLT*`)).toEqual([]);
    });

  it('has `retry` as data, and attempts count from 0', async () => {
    const { told } = await start(() => undefined);
    await redis.xadd(stream, '*', 'orderId', '1', 'retry', '2', 'dlt-reason', 'retries-exhausted');
    await eventually(() => told.processed[0]);
    expect(told.processed).toMatchObject([
      { retry: 0, headers: { retry: '2', 'dlt-reason': 'retries-exhausted' }, payload: { orderId: '1' } },
    ]);
  });

  it('keeps what fails there for good, and makes no dead letter of a dead letter', async () => {
    const { told } = await start(fails);
    await redis.xadd(stream, '*', 'orderId', '1', 'retry', '2');
    await eventually(() => told['dead-letter-failed'][0]);
    expect(told.received).toHaveLength(3);
    await staysAsItIs();
  });

  const UNDECODABLE: Record<string, (string | Buffer)[]> = {
    'no JSON': ['data', '{'],
    'bytes that are no text': ['data', Buffer.from([0x1f, 0x8b, 0xff, 0xfe])],
    'too much': ['data', JSON.stringify({ big: 'x'.repeat(400_000) })],
    'a flat entry with bytes': ['orderId', Buffer.from([0xff]), Buffer.from([0xfe]), 'x'],
    'a retry that nobody can read': ['data', '{"a":1}', 'retry', 'abc'],
  };

  it.each(Object.entries(UNDECODABLE))(
    'gives its handler what cannot be decoded, with headers and bytes: %s',
    async (_, original) => {
      const seen: { payload: unknown; headers: unknown; fields: Buffer[] }[] = [];
      const { told } = await start((payload, context) => {
        const fields = context.getRawFields().flat();
        seen.push({ payload, headers: { ...context.getHeaders() }, fields });
      });
      const fields = [...original, 'dlt-reason', 'malformed', 'note', Buffer.from([0x61, 0xff])];
      await redis.xadd(stream, '*', ...fields);

      await eventually(() => told.processed[0]);

      expect(seen).toEqual([
        {
          payload: undefined,
          headers: expect.objectContaining({ 'dlt-reason': 'malformed' }) as object,
          fields: fields.map((part) => Buffer.from(part)),
        },
      ]);
      if (original[0] === 'data') expect(seen[0]?.headers).toMatchObject({ note: 'a\ufffd' });
      await staysAsItIs();
    },
  );

  it('gives its handler the payload of what was packed because of its many fields', async () => {
    const { told } = await start(() => undefined);
    const packed = '4:data,15:{"orderId":"1"},14:correlation-id,1:c,';
    await redis.xadd(stream, '*', 'dlt-original-packed', packed, 'retry', '2', 'dlt-reason', 'no-handler');
    await eventually(() => told.processed[0]);
    expect(told.processed).toMatchObject([
      {
        payload: { orderId: '1' },
        headers: { 'correlation-id': 'c', 'dlt-reason': 'no-handler', retry: '2' },
      },
    ]);
  });

  it('keeps what its handler died of', async () => {
    await addOrders(redis, stream, ['killer']);
    const [id = ''] = await abandon(redis, stream, { count: 4 });
    await redis.set(`{${stream}}:test-group:alone:${id}`, '4', 'PX', 60_000);
    const { told } = await start(() => undefined);
    await eventually(() => told['dead-letter-failed'][0]);
    expect(told.received).toEqual([]);
    await staysAsItIs();
  });

  it('lets go of what an operator removed while it was handled', async () => {
    let fail = (): void => undefined;
    const { told } = await start(
      () => new Promise<void>((_, reject) => (fail = () => reject(new Error('x')))),
    );
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await eventually(() => told.received[0]);
    await redis.xdel(stream, id);
    fail();
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
    expect(await redis.keys(`*${stream}.DLT*`)).toEqual([]);
  });
});
