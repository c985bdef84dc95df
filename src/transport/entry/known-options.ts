import { InvalidOptionError } from './client-errors.js';

/** The names of the options of one object: `Record<keyof Options, true>`, so that a new option is not forgotten here. */
export type KnownOptions = Readonly<Record<string, true>>;

/** The share of a name's letters that may be wrong: with more it is another name, such as `reply` for `retry`. */
const MOST_WRONG = 1 / 5;

/** Options of Nest's own transports that have no meaning here. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  serializer:
    'is not supported: payloads are JSON, or flat fields with "encoding". Convert the payload before you emit it',
  deserializer:
    'is not supported: payloads are JSON or flat fields. Convert the payload in a pipe or in the handler',
};

/**
 * Refuses options that there are not: one that is misspelt would have no effect, without a word.
 *
 * @param where - the path of the options, for the error; empty for those of a constructor
 * @throws InvalidOptionError for the first one, with the nearest that there is, or when it is no object at all
 */
export function checkKnownOptions(given: unknown, known: KnownOptions, where = ''): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(where || 'options', 'must be an object of options');
  }
  const names = Object.keys(known);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const path = where === '' ? name : `${where}.${name}`;
    const problem = Object.hasOwn(UNSUPPORTED, name) ? UNSUPPORTED[name] : undefined;
    throw new InvalidOptionError(
      path,
      problem ??
        `there is no such option; did you mean "${nearest(name, names)}"? There are: ${names.join(', ')}`,
    );
  }
}

function nearest(name: string, names: readonly string[]): string {
  const distances = names.map((other) => [distance(name.toLowerCase(), other.toLowerCase()), other] as const);
  return distances.reduce((best, next) => (next[0] < best[0] ? next : best))[1];
}

/** Whether a name may be another one, misspelt. */
export function isNearly(name: string, other: string): boolean {
  return distance(name.toLowerCase(), other.toLowerCase()) <= other.length * MOST_WRONG;
}

/** How many letters are to be changed, added or removed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
