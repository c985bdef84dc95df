import { sql, type Kysely } from 'kysely';

const TABLE = 'order_streams_orders';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable(TABLE)
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('order_id', 'text', (column) => column.notNull())
    .addColumn('payload', 'json', (column) => column.notNull())
    .addColumn('accepted_at', 'timestamptz', (column) => column.notNull())
    .addColumn('entry_id', 'text')
    .addColumn('replays', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('state', 'text', (column) => column.check(sql`state in ('processed', 'dead-lettered')`))
    .addColumn('ended_at', 'timestamptz')
    .addColumn('attempts', 'integer')
    .addColumn('ended_by', 'text')
    .addColumn('last_error', 'text')
    .addPrimaryKeyConstraint(`${TABLE}_pkey`, ['stream', 'order_id'])
    .addCheckConstraint(
      `${TABLE}_ended_whole`,
      sql`(state is null) = (ended_at is null) and (state is null) = (ended_by is null)`,
    )
    .execute();
  await db.schema.createIndex(`${TABLE}_ended_at`).on(TABLE).columns(['stream', 'ended_at']).execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable(TABLE).execute();
}
