import { firstValueFrom } from 'rxjs';
import { MalformedEntryError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController } from '../../support/recording-controller.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const MAX_BYTES = 2_000;
const { controllers, received } = recordingController();
let running: TransportApp;
beforeAll(async () => {
  running = await startTransportApp({ controllers, server: { maxEntryBytes: MAX_BYTES } });
});
afterAll(() => running.close());

const add = async (...fields: (string | Buffer)[]) =>
  (await running.redis.xadd(running.stream, '*', ...fields)) ?? '';
const failureOf = (id: string) => running.failed.find(({ entryId }) => entryId === id);
const handled = (id: string) => received.find(({ context }) => context.getEntryId() === id);

it.each<[string, (string | Buffer)[]]>([
  ['JSON that is none', ['data', '{"orderId":']],
  ['an empty data field', ['data', '']],
  ['data that is not UTF-8', ['data', Buffer.from('22fffe4122', 'hex')]],
  ['a flat name that is not UTF-8', [Buffer.from('fffe41', 'hex'), 'x']],
  ['a flat value that is not UTF-8', ['orderId', Buffer.from('c3', 'hex')]],
  ['a retry count of letters', ['data', '{}', 'retry', 'abc']],
  ['a negative retry count', ['data', '{}', 'retry', '-5']],
  ['a retry count with an exponent', ['orderId', '42', 'retry', '1e9']],
  ['an empty retry count', ['orderId', '42', 'retry', '']],
  ['more bytes than allowed', ['orderId', 'x'.repeat(MAX_BYTES)]],
  ['more bytes than allowed, in few characters', ['orderId', '€'.repeat(MAX_BYTES / 2)]],
])('an entry with %s reaches no handler, is kept byte for byte, and stops no other', async (_, fields) => {
  const id = await add(...fields);
  const next = await add('data', '{"orderId":"next"}');

  const { error, stream, pattern, payload } = await eventually(() => failureOf(id));
  expect(error).toBeInstanceOf(MalformedEntryError);
  expect([stream, pattern, payload]).toEqual([running.stream, 'orders', undefined]);
  await eventually(() => handled(next));
  const letter = await eventually(() => running.deadLettered.find(({ entryId }) => entryId === id));
  expect(letter.reason).toBe('malformed');
  const [entry] = await running.redis.xrangeBuffer(`${running.stream}.DLT`, letter.deadLetterId ?? '', '+');
  for (const field of fields) expect(entry?.[1]).toContainEqual(Buffer.from(field as string));
  await eventuallyPasses(async () => expect(await running.pending()).toEqual([]));
  expect(handled(id)).toBeUndefined();
});

it('text that holds the replacement character itself is taken', async () => {
  const id = await firstValueFrom(running.client.emit<string>('orders', { note: '\ufffd' }));
  expect((await eventually(() => handled(id))).payload).toEqual({ note: '\ufffd' });
});

it('deeply nested JSON within the size limit does no harm', async () => {
  const depth = MAX_BYTES / 2 - 20;
  const id = await add('data', '['.repeat(depth) + ']'.repeat(depth));
  await eventually(() => handled(id));
});
