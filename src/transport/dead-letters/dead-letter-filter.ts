import type { DeadLetter } from '../entry/dead-letter.js';

/** Which dead letters are meant; what is left out does not limit. */
export interface DeadLetterFilter {
  /** A `dlt-reason`. */
  readonly reason?: string | undefined;
  /** Properties of the payload and the text or number that they must hold: `{ orderId: '42' }`. */
  readonly payload?: Readonly<Record<string, string>> | undefined;
  /** Those that were dead-lettered at this time or later, by the clock of Redis. */
  readonly since?: Date | undefined;
  /** Those that were dead-lettered at this time or earlier. */
  readonly until?: Date | undefined;
}

/** Whether a dead letter is meant, its time aside: that bounds what is read. */
export function isMeant({ reason, payload = {} }: DeadLetterFilter, letter: DeadLetter): boolean {
  if (reason !== undefined && letter.reason !== reason) return false;
  return Object.entries(payload).every(([name, wanted]) => propertyOf(letter, name) === wanted);
}

/** The ids between which a filter's dead letters lie, both included. */
export function idRange({ since, until }: DeadLetterFilter): { lowest: string; highest: string } {
  return {
    lowest: since ? idAt(since) : '-',
    highest: until ? idAt(until) : '+',
  };
}

/** No id is older than 1970. */
function idAt(time: Date): string {
  return String(Math.max(0, time.getTime()));
}

function propertyOf({ decoded }: DeadLetter, name: string): string | undefined {
  const payload = decoded?.payload;
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, name)) return undefined;
  const value = (payload as Record<string, unknown>)[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
