import { Logger } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { OrderOutcome } from '../../../src/orders/order-state.js';
import { openDatabase } from '../../../src/orders/store/postgres/database.js';
import { migrate } from '../../../src/orders/store/postgres/migrate.js';
import { OrderRows } from '../../../src/orders/store/postgres/order-rows.js';
import type { OrdersDatabase } from '../../../src/orders/store/postgres/schema.js';
import { StoreUnavailableError } from '../../../src/operations/http/store-unavailable.error.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { uniqueName } from '../../support/unique-name.js';

const A = '1700000000000-0';
const B = '1700000000001-0';
const HOUR_MS = 3_600_000;

// What goes wrong here goes wrong on purpose.
Logger.overrideLogger(false);

let postgres: TestPostgres;
let db: Kysely<OrdersDatabase>;
let stream: string;
let rows: OrderRows;

beforeAll(async () => {
  postgres = await startPostgres();
  // As many replicas that start together do.
  await Promise.all(Array.from({ length: 10 }, () => migrate(postgres.url)));
  db = openDatabase({ url: postgres.url, poolSize: 10 });
});
beforeEach(() => {
  stream = uniqueName('orders');
  rows = new OrderRows(db, stream);
});
afterAll(async () => {
  await db.destroy();
  await postgres.stop();
});

const incoming = (orderId: string, amount = 1, acceptedAt = '2023-11-14T22:13:20.000Z') => ({
  orderId,
  payload: JSON.stringify({ orderId, amount, customerId: 'NUL \0 and \ud800' }),
  content: `content ${amount}`,
  acceptedAt,
});
const ended = (state: OrderOutcome['state'], entryId = A): OrderOutcome => ({
  ...{ state, at: new Date().toISOString(), attempts: 1, entryId },
  ...(state === 'dead-lettered' && { lastError: 'Error: NUL \0' }),
});

it('keeps what the first known entry brought, whatever comes later', async () => {
  await rows.add(incoming('42'));
  await rows.noteEntry(incoming('42', 2, new Date().toISOString()), A);
  await rows.noteEntry(incoming('42', 3), B);
  await rows.add(incoming('42', 4));
  const row = await db
    .selectFrom('order_streams_orders')
    .select(['entry_id', 'payload', 'content', 'accepted_at'])
    .where('stream', '=', stream)
    .executeTakeFirstOrThrow();
  expect(row).toMatchObject({ entry_id: A, payload: { amount: 2 }, content: 'content 2' });
  expect(row.accepted_at.toISOString()).toBe('2023-11-14T22:13:20.000Z');
});

it('is ended once, by whoever of many comes first', async () => {
  await rows.add(incoming('42'));
  const outcomes = Array.from({ length: 20 }, (_, i) =>
    ended(i % 2 === 0 ? 'processed' : 'dead-lettered', `${i}-0`),
  );
  const won = await Promise.all(outcomes.map((outcome) => rows.end('42', outcome, 0)));
  const first = outcomes[won.indexOf(true)];
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(await rows.find('42')).toMatchObject({ state: first?.state, ended_by: first?.entryId });
});

it('is opened again only by a later replay of a dead-lettered order', async () => {
  await rows.add(incoming('dead'));
  await rows.end('dead', ended('dead-lettered'), 0);
  await rows.reopen(incoming('dead'), B, 0);
  expect(await rows.find('dead')).toMatchObject({ state: null, entry_id: B, replays: 1, ended_by: null });
  await rows.end('dead', ended('dead-lettered', B), 1);
  await rows.reopen(incoming('dead'), A, 0);
  expect(await rows.find('dead')).toMatchObject({ state: 'dead-lettered', entry_id: B, ended_by: B });

  await rows.add(incoming('good'));
  await rows.end('good', ended('processed'), 0);
  await rows.reopen(incoming('good'), B, 0);
  expect(await rows.find('good')).toMatchObject({ state: 'processed', ended_by: A });
});

it.each(['processed', 'dead-lettered'] as const)(
  'is not ended as %s by what was said before its replay, and comes late',
  async (state) => {
    await rows.add(incoming('42'));
    await rows.end('42', ended('dead-lettered'), 0);
    await rows.reopen(incoming('42'), B, 0);
    expect(await rows.end('42', ended(state), 0)).toBe(false);
    expect(await rows.find('42')).toMatchObject({ state: null, entry_id: B });
    expect(await rows.end('42', ended('processed', B), 1)).toBe(true);
  },
);

it('belongs to its stream', async () => {
  await rows.add(incoming('42'));
  expect(await new OrderRows(db, 'another').find('42')).toBeUndefined();
});

it('is removed when it ended long ago or never had an entry, and not while it is on its way', async () => {
  const long = new Date(Date.now() - 2 * HOUR_MS).toISOString();
  for (const id of ['ended', 'unsent', 'on-its-way']) await rows.add(incoming(id, 1, long));
  await rows.add(incoming('recent'));
  await rows.end('ended', { ...ended('processed'), at: long }, 0);
  await rows.end('recent', ended('processed'), 0);
  await rows.noteEntry(incoming('on-its-way'), A);
  expect(await rows.prune(HOUR_MS, 1)).toBe(1);
  expect(await rows.prune(HOUR_MS, 100)).toBe(1);
  expect(await rows.find('recent')).toBeDefined();
  expect(await rows.find('on-its-way')).toBeDefined();
});

it('is out of reach while PostgreSQL is away, and comes back with it', async () => {
  await rows.add(incoming('42'));
  await postgres.kill();
  await expect(rows.find('42')).rejects.toThrow(StoreUnavailableError);
  await postgres.restart();
  expect(await rows.find('42')).toMatchObject({ state: null });
});
