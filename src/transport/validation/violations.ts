import type { ValidationError } from 'class-validator';

/** Most violations that are reported one by one; after these only their number is. */
export const MOST_VIOLATIONS = 20;
/** Most violations that are counted after these. */
export const MOST_COUNTED = 980;
/** Longest name and longest sentence of a violation, in characters: either may hold what a stranger sent. */
const LONGEST_NAME = 128;
const LONGEST_SENTENCE = 512;

/** The first characters of a text, with a mark where more followed. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}

/** The name of a property as a violation shows it. */
export function shownName(name: string): string {
  return cut(name, LONGEST_NAME);
}

/** What a violation says. */
export function shownSentence(sentence: string): string {
  return cut(sentence, LONGEST_SENTENCE);
}

/**
 * Stands at the end of the errors for those that were left out, as text that every format of errors shows.
 *
 * @param count - beyond {@link MOST_COUNTED} it is only known that there are more
 */
export function leftOut(count: number): ValidationError {
  return {
    property: '...',
    constraints: {
      leftOut: count > MOST_COUNTED ? `and more than ${MOST_COUNTED} more` : `and ${count} more`,
    },
    children: [],
  };
}

/** The first {@link MOST_VIOLATIONS} of errors that class-validator made, and the number of the others. */
export function limited(errors: ValidationError[]): ValidationError[] {
  const budget = { left: MOST_VIOLATIONS, over: 0 };
  const kept = keepFirst(errors, budget);
  return budget.over === 0 ? kept : [...kept, leftOut(budget.over)];
}

function keepFirst(errors: ValidationError[], budget: { left: number; over: number }): ValidationError[] {
  const kept: ValidationError[] = [];
  for (const error of errors) {
    const own = Object.entries(error.constraints ?? {});
    const shown = own.slice(0, budget.left);
    budget.left -= shown.length;
    budget.over += own.length - shown.length;
    const children = error.children && keepFirst(error.children, budget);
    if (shown.length === 0 && !children?.length) continue;
    const sentences = shown.map(([name, sentence]) => [name, shownSentence(sentence)] as const);
    // class-validator leaves it out for an unknown value.
    if (typeof error.property === 'string') error.property = shownName(error.property);
    if (own.length > 0) error.constraints = Object.fromEntries(sentences);
    if (children) error.children = children;
    kept.push(error);
  }
  return kept;
}
