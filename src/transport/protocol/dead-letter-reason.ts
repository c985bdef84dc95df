/**
 * Why an entry is in a dead-letter stream: its retries are used up; its error is one that no retry mends; it does not
 * follow the wire format; nobody handles its pattern; every process that was given it died; it was deleted from the
 * stream while it was being handled.
 */
export type DeadLetterReason =
  'retries-exhausted' | 'not-retryable' | 'malformed' | 'no-handler' | 'abandoned' | 'vanished';
