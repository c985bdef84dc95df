import { readFileSync } from 'node:fs';

/** The files of the library, each of which may use what those before it have. */
export const PARTS = [
  'entries',
  'application-writes',
  'write-checks',
  'intake',
  'unread-losses',
  'unread',
  'groups',
  'settlement',
  'markers',
  'claims',
  'dead-lettering',
  'commit-forms',
  'commit',
  'park',
  'upkeep',
  'clock',
  'rights',
  'dead-letters',
  'letter-pages',
  'replay-jobs',
  'registration',
] as const;

const TEXTS = PARTS.map((part) => readFileSync(new URL(`./library/${part}.lua`, import.meta.url), 'utf8'));

/** The library as Redis gets it, but for its name. */
export const SOURCE = TEXTS.join('\n');

/** File and line of a line of the library, as in `commit.lua:12`. @param line - counted from 1 */
export function placeOf(line: number): string {
  let before = 0;
  for (const [index, text] of TEXTS.entries()) {
    const lines = text.split('\n').length;
    if (line <= before + lines) return `${PARTS[index] ?? ''}.lua:${line - before}`;
    before += lines;
  }
  return `line ${line} of the function library`;
}

/** A text of Redis, in which it says lines of the library, with their places in its files. */
export function namingPlaces(text: string): string {
  return text.replace(/@?user_function:(\d+)/g, (_, line: string) => placeOf(Number(line)));
}

/** The error itself, whose message names files of the library where Redis named only lines. */
export function withPlaces<E>(error: E): E {
  if (!(error instanceof Error) || !error.message.includes('user_function')) return error;
  const { message } = error;
  error.message = namingPlaces(message);
  if (error.stack !== undefined) error.stack = error.stack.replace(message, () => error.message);
  return error;
}
