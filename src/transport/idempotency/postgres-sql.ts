import { InvalidOptionError } from '../entry/client-errors.js';

/** What a text between semicolons begins with, where that begins or ends a transaction. */
const CONTROL =
  /^(?:(BEGIN|COMMIT|END|ABORT)\b|(START)\s+TRANSACTION\b|(PREPARE)\s+TRANSACTION\b|(ROLLBACK)\b(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b))/i;
/** Looked for first: nearly no statement has one of these words. */
const ANY_CONTROL = /\b(?:begin|commit|end|abort|start|prepare|rollback)\b/i;
/** Comments, and what may hold a semicolon or a word without meaning it. */
const PASSED_OVER =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g;

/**
 * The word by which a text of SQL begins or ends a transaction, if it does: in upper case. Savepoints do neither.
 *
 * It spares a user a half-done transaction and explains it; whether a transaction is whole it does not prove.
 */
export function transactionControlIn(text: string): string | undefined {
  if (!ANY_CONTROL.test(text)) return undefined;
  const bare = text.replace(PASSED_OVER, (part) => (/^(--|\/\*)/.test(part) ? ' ' : "''"));
  // The body of a function in standard SQL has statements of its own, and an END.
  if (/^\s*CREATE\b[\s\S]*\bBEGIN\s+ATOMIC\b/i.test(bare)) return undefined;
  for (const statement of bare.split(';')) {
    const found = CONTROL.exec(statement.trim());
    if (found) return found[0].toUpperCase().replaceAll(/\s+/g, ' ');
  }
  return undefined;
}

const DEFAULT_TABLE = 'order_streams_inbox';
/** Entries that a row remembers as given up; each one more takes a replay, or another entry with the same key. */
const MOST_GIVEN_UP = 100;

/** The statements on one inbox table; `$1` to `$3` of the first four are scope, key and entry id. */
export interface InboxSql {
  readonly create: string;
  /** Takes the key for an entry; changes no row when the key is done, or the entry was given up. */
  readonly claim: string;
  /** Says why: `is_done`, `is_given_up`. */
  readonly standing: string;
  /** Notes that the key of this entry is done; takes milliseconds to keep it, too. */
  readonly finish: string;
  /** Notes that an entry is given up, unless its key is done; takes milliseconds to keep that, too. */
  readonly giveUp: string;
  /** Takes how many rows to delete at most. */
  readonly clean: string;
}

/**
 * The statements that make the table of {@link PostgresIdempotencyStore}, or bring one of an earlier version up to
 * date, for a migration. They may run again.
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
    // Ten processes that start together would trip over each other: IF NOT EXISTS looks and makes in two steps. And
    // it locks the table although it finds nothing to do, so that a start would wait for every handler.
    create: `SELECT pg_advisory_xact_lock(hashtext('${table}'));
CREATE TABLE IF NOT EXISTS ${table} (
  scope text NOT NULL,
  key text NOT NULL,
  entry_id text NOT NULL,
  done_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  given_up text[] NOT NULL DEFAULT '{}',
  given_up_until timestamptz,
  PRIMARY KEY (scope, key)
);
DO $$ BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = '${table}'::regclass AND attname = 'given_up_until' AND NOT attisdropped
  ) THEN
    ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS given_up text[] NOT NULL DEFAULT '{}',
      ADD COLUMN IF NOT EXISTS given_up_until timestamptz;
  END IF;
  IF to_regclass('${table}_expires_at') IS NULL THEN
    CREATE INDEX IF NOT EXISTS ${name}_expires_at ON ${table} (expires_at);
  END IF;
END $$;`,
    // A key is done while `expires_at` lies ahead, which an earlier version of this library understands too.
    claim: `INSERT INTO ${table} AS kept (scope, key, entry_id, expires_at)
VALUES ($1, $2, $3, '-infinity')
ON CONFLICT (scope, key) DO UPDATE SET entry_id = excluded.entry_id
WHERE kept.expires_at <= clock_timestamp() AND NOT (excluded.entry_id = ANY (kept.given_up))`,
    standing: `SELECT expires_at > clock_timestamp() AS is_done, $3 = ANY (given_up) AS is_given_up
FROM ${table} WHERE scope = $1 AND key = $2`,
    finish: `UPDATE ${table}
SET done_at = clock_timestamp(), expires_at = clock_timestamp() + $4 * interval '1 millisecond'
WHERE scope = $1 AND key = $2 AND entry_id = $3`,
    giveUp: `INSERT INTO ${table} AS kept (scope, key, entry_id, expires_at, given_up, given_up_until)
VALUES ($1, $2, $3::text, '-infinity', ARRAY[$3::text], clock_timestamp() + $4 * interval '1 millisecond')
ON CONFLICT (scope, key) DO UPDATE
SET given_up = (kept.given_up || excluded.given_up)[greatest(1, cardinality(kept.given_up) + 2 - ${MOST_GIVEN_UP}):],
  given_up_until = greatest(kept.given_up_until, excluded.given_up_until)
WHERE kept.expires_at <= clock_timestamp() AND NOT (kept.given_up @> excluded.given_up)`,
    clean: `DELETE FROM ${table} WHERE (scope, key) IN (
  SELECT scope, key FROM ${table}
  WHERE expires_at <= clock_timestamp() AND coalesce(given_up_until <= clock_timestamp(), true)
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)`,
  };
}
