import type { Settlement } from '../settlement.js';
import { namingPlaces } from './library-source.js';

const WORDS: ReadonlySet<unknown> = new Set<Settlement>([
  'done',
  'gone',
  'taken',
  'vanished',
  'duplicate',
  'superseded',
]);

/**
 * Reads what a function answered for each of several entries. Where it is one text, all are done.
 *
 * @param count - how many entries there were
 */
export function settlementsOf(answers: string | readonly string[], count: number): Settlement[] {
  if (typeof answers === 'string') return Array.from({ length: count }, () => 'done');
  return answers.map((answer) =>
    WORDS.has(answer) ? (answer as Settlement) : { refused: namingPlaces(answer) },
  );
}
