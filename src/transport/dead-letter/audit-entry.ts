import type { RawEntry } from '../broker/redis-dead-letters.js';
import { fieldPairs } from '../protocol/dead-letter.js';

/** Something that was done with dead letters. */
export interface AuditEntry {
  readonly id: string;
  /** By the clock of Redis. */
  readonly at: Date;
  readonly action: string;
  readonly by: string;
  /** What else is known of it: reason, dead letter, new entry, job, payloads. */
  readonly details: Readonly<Record<string, string>>;
}

export function auditEntryOf({ id, fields }: RawEntry): AuditEntry {
  const pairs = [...fieldPairs(fields)].map(([name, value]) => [name.toString(), value.toString()] as const);
  const { action = '', by = '', ...details } = Object.fromEntries(pairs);
  return { id, at: new Date(Number.parseInt(id, 10)), action, by, details };
}
