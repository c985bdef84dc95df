import { randomUUID } from 'node:crypto';

/** Names what belongs together: in requests, in entries, and in the log. */
export const CORRELATION_ID_HEADER = 'correlation-id';

/** The caller's id where it is fit for a header and a log line, else a new one. */
export function correlationIdFrom(header: string | undefined): string {
  return header !== undefined && /^[!-~]{1,128}$/.test(header) ? header : randomUUID();
}
