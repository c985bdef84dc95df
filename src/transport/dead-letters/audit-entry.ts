import type { RawEntry } from '../redis/broker/redis-dead-letters.js';
import { fieldPairs } from '../entry/dead-letter.js';

/** Something that was done with dead letters. */
export interface AuditEntry {
  /** Its id in the audit stream, such as `1718000000000-0`. */
  readonly id: string;
  /** By the clock of Redis. */
  readonly at: Date;
  /** `replay`, `edit-and-replay`, `discard`, `start-replay-job`, or `cancel-replay-job`. */
  readonly action: string;
  /** Who did it, as {@link Operator} named them. */
  readonly by: string;
  /** What else is known of it: reason, dead letter, new entry, job, payloads; of one that was cut, also `…Bytes`, its length. */
  readonly details: Readonly<Record<string, string>>;
}

export function auditEntryOf({ id, fields, truncation }: RawEntry): AuditEntry {
  const pairs = [...fieldPairs(fields)];
  const lengths = pairs.flatMap(([name, value]) => {
    const bytes = truncation?.fullLengths.get(value);
    return bytes === undefined ? [] : [[`${name.toString()}Bytes`, String(bytes)] as const];
  });
  const texts = pairs.map(([name, value]) => [name.toString(), value.toString()] as const);
  const { action = '', by = '', ...details } = Object.fromEntries([...lengths, ...texts]);
  return { id, at: new Date(Number.parseInt(id, 10)), action, by, details };
}
