import { DEAD_LETTER_PREFIX, RETRY_FIELD } from './entry.js';

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
  readonly failedAt: Date;
}

/** Longest stack trace and message that are kept, in characters. */
const MAX_STACK = 8_192;
const MAX_MESSAGE = 2_048;
const MAX_CAUSES = 5;
/** The name of an error that throws when it is looked at. */
const UNREADABLE = 'unreadable';
/** The wire format has room for six digits. */
const MAX_RETRY = 999_999;

/** The fields that dead-lettering adds, names and values in turn. */
export function deadLetterFields(diagnosis: Diagnosis): string[] {
  const { reason, stream, entryId, group, consumer, deliveryCount, retry, error, failedAt } = diagnosis;
  const added = {
    reason,
    'original-stream': stream,
    'original-id': entryId,
    'original-timestamp': entryId.split('-')[0] ?? '',
    'original-consumer-group': group,
    'original-consumer': consumer,
    'delivery-count': String(deliveryCount),
    ...exceptionFields(error),
    'failed-at': failedAt.toISOString(),
  };
  return [
    RETRY_FIELD,
    String(Math.min(retry, MAX_RETRY)),
    ...Object.entries(added).flatMap(([name, value]) => [`${DEAD_LETTER_PREFIX}${name}`, value]),
  ];
}

/** What is said of an error, whatever was thrown; nothing where nothing was. */
export function exceptionFields(error: unknown): Record<string, string> {
  if (error === undefined) return {};
  try {
    return describeException(error);
  } catch (unreadable) {
    return { 'exception-name': UNREADABLE, 'exception-message': messageOf(unreadable) };
  }
}

function describeException(error: unknown): Record<string, string> {
  return {
    'exception-name': nameOf(error),
    'exception-message': messageOf(error).slice(0, MAX_MESSAGE),
    'exception-stacktrace': (error instanceof Error ? textOf(error.stack ?? '') : '').slice(0, MAX_STACK),
    'exception-cause': causesOf(error).join(' ← ').slice(0, MAX_MESSAGE),
  };
}

/** The class of an error, as its constructor names it; the type of anything else that was thrown. */
export function nameOf(error: unknown): string {
  try {
    return readName(error);
  } catch {
    return UNREADABLE;
  }
}

function readName(error: unknown): string {
  if (error instanceof Error) {
    const { name } = error.constructor;
    return textOf(name === 'Error' || !name ? error.name : name);
  }
  return error === null ? 'null' : typeof error;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return textOf(error.message);
  if (typeof error === 'string') return error;
  try {
    return JSON.stringify(error) || String(error);
  } catch {
    return Object.prototype.toString.call(error);
  }
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (
    let cause = causeOf(error);
    cause !== undefined && causes.length < MAX_CAUSES;
    cause = causeOf(cause)
  ) {
    causes.push(`${nameOf(cause)}: ${messageOf(cause)}`);
  }
  return causes;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** Whoever threw may have put anything where an Error has text. */
function textOf(value: unknown): string {
  return String(value);
}
