import { DEAD_LETTER_PREFIX, RETRY_FIELD } from './entry.js';
import { describeThrown } from './thrown.js';

/**
 * Why an entry is in a dead-letter stream: its retries are used up; its error is one that no retry mends; it does not
 * follow the wire format; nobody handles its pattern; every process that was given it died; it was deleted from the
 * stream while it was being handled.
 */
export type DeadLetterReason =
  'retries-exhausted' | 'not-retryable' | 'malformed' | 'no-handler' | 'abandoned' | 'vanished';

/** What a dead letter says in addition to the fields of the entry. The names follow Spring Kafka's `kafka_dlt-*` headers. */
export interface Diagnosis {
  readonly reason: DeadLetterReason;
  readonly stream: string;
  readonly entryId: string;
  readonly group: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  /** Attempts beyond the first, those made elsewhere included. */
  readonly retry: number;
  /** What was thrown, if anything was. */
  readonly error: unknown;
  /** What was thrown first, where exception filters made `error` of it. */
  readonly original?: unknown;
  readonly failedAt: Date;
}

/** What dead-lettering adds to an entry at most, in bytes. */
export const DIAGNOSIS_BYTES = 65_536;
/** The wire format has room for six digits. */
const MAX_RETRY = 999_999;

/** The fields that dead-lettering adds, names and values in turn. */
export function deadLetterFields(diagnosis: Diagnosis): string[] {
  const { reason, stream, entryId, group, consumer, deliveryCount, retry, failedAt } = diagnosis;
  const added = {
    reason,
    'original-stream': stream,
    'original-id': entryId,
    'original-timestamp': entryId.split('-')[0] ?? '',
    'original-consumer-group': group,
    'original-consumer': consumer,
    'delivery-count': String(deliveryCount),
    ...exceptionFields(diagnosis),
    'failed-at': failedAt.toISOString(),
  };
  return [
    RETRY_FIELD,
    String(Math.min(retry, MAX_RETRY)),
    ...Object.entries(added).flatMap(([name, value]) => [`${DEAD_LETTER_PREFIX}${name}`, value]),
  ];
}

/** What is said of an error, whatever was thrown; nothing where nothing was. */
function exceptionFields({ error, original }: Pick<Diagnosis, 'error' | 'original'>): Record<string, string> {
  if (error === undefined) return {};
  const { name, message, response, stack, properties, causesInFull } = describeThrown(error, original);
  return {
    'exception-name': name,
    'exception-message': [message, response].filter((part) => part !== '').join(' '),
    // As Node prints an error.
    'exception-stacktrace': [stack, properties].filter((part) => part !== '').join('\n'),
    'exception-cause': causesInFull,
  };
}
