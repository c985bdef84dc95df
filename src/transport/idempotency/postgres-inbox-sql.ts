import { InvalidOptionError } from '../protocol/errors/invalid-option.error.js';

const DEFAULT_TABLE = 'order_streams_inbox';

/** The statements on one inbox table. */
export interface InboxSql {
  readonly create: string;
  /** Takes scope, key, entry id and milliseconds to keep; changes no row when the key is done. */
  readonly claim: string;
  /** Takes how many rows to delete at most. */
  readonly clean: string;
}

/**
 * The statements that make the table of {@link PostgresIdempotencyStore}, for a migration. They may run again.
 *
 * @param table - default `order_streams_inbox`
 */
export function inboxTableSql(table?: string): string {
  return inboxSql(table).create;
}

/** @throws InvalidOptionError when the table's name is none that needs no quotes */
export function inboxSql(table = DEFAULT_TABLE): InboxSql {
  if (!/^([a-z_][a-z0-9_]{0,49}\.)?[a-z_][a-z0-9_]{0,49}$/.test(table)) {
    throw new InvalidOptionError(
      'table',
      'must be a name, or schema and name, of up to 50 lower-case letters, digits and underscores each',
    );
  }
  const name = table.slice(table.indexOf('.') + 1);
  return {
    // Ten processes that start together would trip over each other: IF NOT EXISTS looks and makes in two steps.
    create: `SELECT pg_advisory_xact_lock(hashtext('${table}'));
CREATE TABLE IF NOT EXISTS ${table} (
  scope text NOT NULL,
  key text NOT NULL,
  entry_id text NOT NULL,
  done_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX IF NOT EXISTS ${name}_expires_at ON ${table} (expires_at);`,
    claim: `INSERT INTO ${table} AS kept (scope, key, entry_id, expires_at)
VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond')
ON CONFLICT (scope, key) DO UPDATE
SET entry_id = excluded.entry_id, done_at = excluded.done_at, expires_at = excluded.expires_at
WHERE kept.expires_at <= clock_timestamp()`,
    clean: `DELETE FROM ${table} WHERE (scope, key) IN (
  SELECT scope, key FROM ${table} WHERE expires_at <= clock_timestamp()
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)`,
  };
}
