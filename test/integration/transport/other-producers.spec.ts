import { MalformedEntryError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { recordingController } from '../../support/recording-controller.js';
import {
  startTransportApp,
  type TransportApp,
  type TransportAppOptions,
} from '../../support/transport-app.js';

const BYTES = Buffer.from('fffe41', 'hex');
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const BIG = '{"id":450789469450789469,"total":12345678901234567.89,"small":7}';

describe('Entries of other producers', () => {
  const log = new RecordedLog();
  const leftOut: object[] = [];
  let { controllers, received } = recordingController();
  let running: TransportApp;

  async function start(options: Partial<TransportAppOptions> = {}): Promise<void> {
    running = await startTransportApp({ controllers, logger: log, ...options });
    running.server.on('headers-left-out', (event) => void leftOut.push(event));
  }
  beforeEach(() => {
    ({ controllers, received } = recordingController());
    log.lines.length = 0;
    leftOut.length = 0;
  });
  afterEach(() => running.close());

  const add = async (...fields: (string | Buffer)[]) =>
    (await running.redis.xadd(running.stream, '*', ...fields)) ?? '';
  const arrivalOf = (id: string) =>
    eventually(() => received.find(({ context }) => context.getEntryId() === id));
  const isSettled = () => eventuallyPasses(async () => expect(await running.pending()).toEqual([]));

  it.each<[string, string[], object]>([
    ['JSON', ['data', '\ufeff{"orderId":"1"}'], { orderId: '1' }],
    ['flat fields', ['\ufefforderId', '1'], { orderId: '1' }],
  ])('are read where a byte order mark comes before their %s', async (_, fields, payload) => {
    await start();
    const arrival = await arrivalOf(await add(...fields));
    expect({ ...(arrival.payload as object) }).toEqual(payload);
    await isSettled();
    expect(running.failed).toEqual([]);
  });

  it('are handled without the headers that are not UTF-8, which is said once and without them', async () => {
    await start();
    const id = await add(
      'data',
      '{"orderId":"1"}',
      'tenant',
      BYTES,
      'shop',
      'a',
      Buffer.from('n\xff', 'latin1'),
      'secret',
    );

    const { payload, context } = await arrivalOf(id);
    expect(payload).toEqual({ orderId: '1' });
    expect({ ...context.getHeaders() }).toEqual({ shop: 'a' });
    expect(context.getRawFields()).toContainEqual([Buffer.from('tenant'), BYTES]);
    const headers = ['tenant', '(its name is not UTF-8)'];
    expect(leftOut).toMatchObject([{ stream: running.stream, entryId: id, headers }]);
    await isSettled();
    expect(running.failed).toEqual([]);
    expect(log.troubles('Headers')).toEqual([
      `Headers of an entry of "orders" are not UTF-8 and are left out: entry ${id}: ${headers.join(', ')}. They are in context.getRawFields()`,
    ]);
  });

  it('say so once where a delivery is tried again', async () => {
    let isMended = false;
    ({ controllers, received } = recordingController(() => {
      if (isMended) return;
      isMended = true;
      throw new Error('not yet');
    }));
    await start({ server: { recoveryIntervalMs: 25, retry: { backoff: { type: 'fixed', delayMs: 20 } } } });
    const id = await add('data', '1', 'tenant', BYTES);
    await eventually(() => running.processed.find(({ entryId }) => entryId === id));
    expect(received).toHaveLength(2);
    expect(leftOut).toHaveLength(1);
  });

  it('have headers next to flat fields', async () => {
    await start();
    const sent = { traceparent: TRACEPARENT, tracestate: 'a=b', 'correlation-id': 'c' };
    const { payload, context } = await arrivalOf(await add('orderId', '1', ...Object.entries(sent).flat()));
    expect({ ...(payload as object) }).toEqual({ orderId: '1' });
    expect(context.getRawPayload()).toBeUndefined();
    expect({ ...context.getHeaders() }).toEqual(sent);
  });

  it.each([
    [undefined, { id: 450_789_469_450_789_440, total: 12_345_678_901_234_568, small: 7 }],
    ['string' as const, { id: '450789469450789469', total: '12345678901234567.89', small: 7 }],
    ['bigint' as const, { id: 450_789_469_450_789_469n, total: '12345678901234567.89', small: 7 }],
  ])('have numbers beyond 2^53 as the option bigNumbers says: %s', async (bigNumbers, expected) => {
    const fails = { retry: { maxRetries: 0 }, ...(bigNumbers && { bigNumbers }) };
    ({ controllers, received } = recordingController(() => {
      throw new Error('broken');
    }));
    await start({ server: fails });
    const { payload, context } = await arrivalOf(await add('data', BIG));
    expect(payload).toEqual(expected);
    expect(context.getRawPayload()?.toString()).toBe(BIG);
    const { deadLetterId = '' } = await eventually(() => running.deadLettered[0]);
    const [letter] = await running.redis.xrange(`${running.stream}.DLT`, deadLetterId, deadLetterId);
    expect(letter?.[1].slice(0, 2)).toEqual(['data', BIG]);
  });

  it('are malformed where what is not UTF-8 belongs to the payload', async () => {
    await start();
    await add('orderId', '1', 'traceparent', TRACEPARENT, 'note', BYTES);
    expect((await eventually(() => running.failed[0])).error).toBeInstanceOf(MalformedEntryError);
    expect(leftOut).toEqual([]);
  });
});

it('bigNumbers takes nothing else', async () => {
  const server = { bigNumbers: 'number' as 'string' };
  await expect(startTransportApp({ server })).rejects.toThrow(
    `Option "bigNumbers": must be 'string' or 'bigint'`,
  );
});
