import { propagation, ROOT_CONTEXT, type Context, type TextMapGetter } from '@opentelemetry/api';
import type { StreamEntry } from '../protocol/entry.js';

/** Reads the fields as they came: an entry that cannot be decoded has a history too. */
const fieldGetter: TextMapGetter<StreamEntry> = { keys: namesOf, get: lastValueOf };

/** The context in which an entry was sent, as its `traceparent` tells; the empty context if it does not. */
export function creationContextOf(entry: StreamEntry): Context {
  return propagation.extract(ROOT_CONTEXT, entry, fieldGetter);
}

/** The value of a field; the last where there are several, as everywhere else. */
export function lastValueOf({ parts }: StreamEntry, name: string): string | undefined {
  const wanted = Buffer.from(name);
  for (let index = parts.length - 2; index >= 0; index -= 2) {
    if (parts[index]?.equals(wanted)) return parts[index + 1]?.toString();
  }
  return undefined;
}

function namesOf({ parts }: StreamEntry): string[] {
  return parts.filter((_, index) => index % 2 === 0).map(String);
}
