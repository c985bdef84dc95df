import { UnsupportedPatternError } from './errors/unsupported-pattern.error.js';

/** Parts of a pattern that stand for many names elsewhere: `orders.*`, `orders.>`, `orders/#`. */
const WILDCARD = /\*|(^|[./])[>#+]($|[./])/;

/**
 * Refuses a pattern that cannot name a stream.
 *
 * @param pattern - as Nest writes it down: an object such as `{ cmd: 'x' }` is the text `{"cmd":"x"}`
 * @throws UnsupportedPatternError when it is empty, no text, a wildcard, or a regular expression
 */
export function checkPattern(pattern: unknown): asserts pattern is string {
  const problem = problemOf(pattern);
  if (problem !== undefined) throw new UnsupportedPatternError(String(pattern), problem);
}

function problemOf(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return 'a pattern is a text, a number or an object; it names one stream';
  if (pattern === '') return 'it is empty; a pattern names one stream';
  if (pattern === '{}') {
    return 'a regular expression or an empty object names no stream. Use one handler for each pattern';
  }
  if (!pattern.startsWith('{') && WILDCARD.test(pattern)) {
    return 'wildcards are not supported, a pattern names one stream. Use one handler for each pattern';
  }
  return undefined;
}
