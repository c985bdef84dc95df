import { DATA_FIELD, isFlatHeader, isReservedField, RETRY_FIELD, type Headers } from './entry.js';
import { UnencodableEventError } from './client-errors.js';

/** How a payload is laid out in an entry: `json` in one field, or its properties as `fields` of the entry. */
export type EntryEncoding = 'json' | 'fields';

/** Most fields that an entry may have. */
const MAX_FIELDS = 1_000;

/**
 * Writes an event as the fields of an entry: payload, `retry` 0, headers.
 *
 * @throws UnencodableEventError when the payload or a header has no form on the wire
 */
export function encodeEntry(payload: unknown, headers: Headers, encoding: EntryEncoding): string[] {
  const fields = encoding === 'json' ? [DATA_FIELD, toJson(payload)] : toFields(payload);
  fields.push(RETRY_FIELD, '0');
  for (const name in headers) {
    fields.push(name, headerValue(name, headers[name], encoding));
  }
  if (!fields.every((text) => text.isWellFormed())) {
    const index = fields.findIndex((text) => !text.isWellFormed());
    const name = fields[index - (index % 2)] ?? '';
    throw new UnencodableEventError(
      `the field ${JSON.stringify(name)} holds half a surrogate pair, which has no UTF-8`,
    );
  }
  if (fields.length > 2 * MAX_FIELDS) {
    throw new UnencodableEventError(`it has ${fields.length / 2} fields, more than ${MAX_FIELDS}`);
  }
  return fields;
}

function toJson(payload: unknown): string {
  let json: unknown;
  try {
    json = JSON.stringify(payload);
  } catch (error) {
    throw new UnencodableEventError(`the payload has no JSON form (${(error as Error).message})`, {
      cause: error,
    });
  }
  if (typeof json !== 'string') {
    throw new UnencodableEventError(`a payload of type ${typeof payload} has no JSON form`);
  }
  return json;
}

function toFields(payload: unknown): string[] {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    throw new UnencodableEventError(
      'the encoding "fields" takes an object; use "json" for any other payload',
    );
  }
  const fields: string[] = [];
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) {
      continue;
    }
    if (isReservedField(name)) {
      throw new UnencodableEventError(`the property "${name}" is a reserved field; use the encoding "json"`);
    }
    if (isFlatHeader(name)) {
      throw new UnencodableEventError(
        `the property "${name}" would become a header in the encoding "fields"; set it as a header`,
      );
    }
    if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol') {
      throw new UnencodableEventError(
        `the property "${name}" is not a string, number, bigint or boolean; use the encoding "json"`,
      );
    }
    fields.push(name, String(value));
  }
  return fields;
}

function headerValue(name: string, value: unknown, encoding: EntryEncoding): string {
  if (encoding === 'fields' && !isFlatHeader(name)) {
    throw new UnencodableEventError(
      `the header "${name}" would become part of the payload in the encoding "fields"; use "json"`,
    );
  }
  if (isReservedField(name)) {
    throw new UnencodableEventError(`the header name "${name}" is reserved`);
  }
  if (typeof value !== 'string') {
    throw new UnencodableEventError(`the header "${name}" must be a string, not ${typeof value}`);
  }
  return value;
}
