import { types } from 'node:util';

/** How deep, how broad and how long a value is shown; the rest of it is not looked at. */
const DEEPEST = 4;
const MOST_MEMBERS = 20;
const MOST_IN_ALL = 200;
const LONGEST_TEXT = 512;
const LONGEST_BIGINT = 10n ** 100n;

/** Looks at a property of anything. @returns undefined where that throws */
export function read(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

/** Calls a method of anything. @returns undefined where there is none, or where it throws */
export function ask(value: unknown, name: string, ...args: readonly unknown[]): unknown {
  const method = read(value, name);
  try {
    return typeof method === 'function' ? (Reflect.apply(method, value, args) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

/** The members of an array, the first of them; none of anything else. */
export function membersOf(value: unknown, most: number): unknown[] {
  try {
    if (!Array.isArray(value)) return [];
    return Array.from({ length: Math.min(value.length, most) }, (_, i) => value[i] as unknown);
  } catch {
    return [];
  }
}

/** The names of an object's own enumerable properties; none of anything else. */
export function namesOf(value: unknown): string[] {
  try {
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  } catch {
    return [];
  }
}

/** Whether a value is an error, of whatever realm. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

/**
 * A string as it is, anything else as JSON, as far as it is data: neither `toJSON` nor an accessor nor a trap of a proxy
 * is called.
 *
 * @param omitted - names that are left out of the value itself
 */
export function plainText(value: unknown, most: number, omitted?: ReadonlySet<string>): string {
  if (typeof value === 'string') return value.slice(0, most);
  try {
    return JSON.stringify(new Copy(omitted).of(value, 0)).slice(0, most);
  } catch {
    return '[unreadable]';
  }
}

/** The enumerable properties of an object's own that need no looking into, the first of them. */
export function simpleProperties(value: object): Record<string, string | number | boolean> {
  const simple = Object.create(null) as Record<string, string | number | boolean>;
  try {
    for (const [name, member] of ownData(value)) {
      const shown = simpleOf(member);
      if (shown !== undefined) simple[name] = shown;
    }
  } catch {
    // What was found so far is all that can be read.
  }
  return simple;
}

function simpleOf(value: unknown): string | number | boolean | undefined {
  switch (typeof value) {
    case 'string':
      return value.slice(0, LONGEST_TEXT);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      // One of a million digits takes seconds to write.
      return value < LONGEST_BIGINT && value > -LONGEST_BIGINT ? String(value) : '[bigint]';
    case 'symbol':
      return value.toString().slice(0, LONGEST_TEXT);
    default:
      return undefined;
  }
}

function ownData(value: object): (readonly [name: string, value: unknown])[] {
  const names = Object.keys(value).slice(0, MOST_MEMBERS);
  return names.flatMap((name) => {
    const property = Object.getOwnPropertyDescriptor(value, name);
    return property && 'value' in property ? [[name.slice(0, LONGEST_TEXT), property.value] as const] : [];
  });
}

/** One copy, with the number of values that it may still hold. */
class Copy {
  private left = MOST_IN_ALL;

  constructor(private readonly omitted?: ReadonlySet<string>) {}

  of(value: unknown, depth: number): unknown {
    this.left -= 1;
    if (typeof value === 'object' && value !== null) return this.ofObject(value, depth);
    return simpleOf(value) ?? (value === null ? null : `[${typeof value}]`);
  }

  private ofObject(value: object, depth: number): unknown {
    if (types.isProxy(value)) return '[proxy]';
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return `[${value.byteLength} bytes]`;
    if (types.isDate(value)) return Date.prototype.toJSON.call(value, '');
    if (isError(value)) return `${simpleText(read(value, 'name'))}: ${simpleText(read(value, 'message'))}`;
    if (depth === DEEPEST || this.left <= 0) return '…';
    if (Array.isArray(value)) {
      return membersOf(value, MOST_MEMBERS).map((member) => this.of(member, depth + 1));
    }
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [name, member] of ownData(value)) {
      if (depth > 0 || !this.omitted?.has(name)) copy[name] = this.of(member, depth + 1);
    }
    return copy;
  }
}

function simpleText(value: unknown): string {
  return String(simpleOf(value) ?? '');
}
