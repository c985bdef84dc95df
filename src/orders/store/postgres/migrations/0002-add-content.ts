import type { Kysely } from 'kysely';

const TABLE = 'order_streams_orders';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable(TABLE).addColumn('content', 'text').execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable(TABLE).dropColumn('content').execute();
}
