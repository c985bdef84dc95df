import { AsyncLocalStorage } from 'node:async_hooks';

/** Fields of a record of the log. */
export type LogFields = Record<string, unknown>;

const current = new AsyncLocalStorage<LogFields>();

/** Runs something; whatever logs a line meanwhile, the line has these fields. */
export function withLogFields<T>(fields: LogFields, run: () => T): T {
  return current.run({ ...fields }, run);
}

/** Adds to the fields of the lines that come from here on, up to the end of the innermost {@link withLogFields}. */
export function addLogFields(fields: LogFields): void {
  Object.assign(current.getStore() ?? {}, fields);
}

/** The fields that a line logged here has; undefined if it has none. */
export function logFields(): LogFields | undefined {
  return current.getStore();
}
