import { randomUUID } from 'node:crypto';

/** A name that no other test uses, such as a stream key of its own on the shared Redis. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`;
}
