import { membersOf, read } from '../entry/plain-text.js';
import { madeOf } from '../entry/thrown.js';

/** An error may hold others, and itself. */
const MOST_ERRORS = 64;
/** Where libraries keep the error that they wrap; `lastNodeError` and `previousErrors` are those of ioredis. */
const INNER = ['cause', 'driverError', 'original', 'parent', 'lastNodeError'] as const;
const INNER_LISTS = ['errors', 'previousErrors'] as const;

/** Errors, and what they were made of, each once: the outer ones first. */
export function errorsWithin(errors: readonly unknown[]): ReadonlySet<unknown> {
  const within = new Set(errors);
  // What is added while it is walked is walked too.
  for (const error of within) {
    for (const inner of innerOf(error)) if (within.size < MOST_ERRORS) within.add(inner);
  }
  return within;
}

function innerOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const lists = INNER_LISTS.flatMap((name) => membersOf(read(error, name), MOST_ERRORS));
  return [...INNER.map((name) => read(error, name)), ...lists, madeOf(error)].filter(
    (inner) => typeof inner === 'object' && inner !== null,
  );
}
