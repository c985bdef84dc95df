import { Migrator } from 'kysely';
import { openPatientDatabase } from './database.js';
import { MIGRATIONS } from './migrations/index.js';

/**
 * Brings the tables up to date. Processes that start together take turns: the migrator holds an advisory lock. It may
 * run again after it failed.
 */
export async function migrate(url: string): Promise<void> {
  const db = openPatientDatabase(url);
  try {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
      migrationTableName: 'order_streams_migration',
      migrationLockTableName: 'order_streams_migration_lock',
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error as Error;
  } finally {
    await db.destroy();
  }
}
