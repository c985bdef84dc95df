import { membersOf, plainText, read } from './plain-text.js';

/** How many violations are said, that which says how many were left out included, and how deep they may be. */
const MOST_VIOLATIONS = 21;
const DEEPEST = 8;
/** How many parts are looked at: a list may hold itself, and have no sentence anywhere. */
const MOST_PARTS = 1_000;
const LONGEST_SENTENCE = 512;

/**
 * The sentences of a validation that found violations: those of class-validator, the issues of a standard schema, or
 * plain sentences; as a list, or under `message` or `errors`. None where that is no such list. They name properties and
 * say what is wrong with them; the payload that class-validator adds is left out.
 */
export function violationsOf(said: unknown): readonly string[] {
  const lists = [said, read(said, 'message'), read(said, 'errors')];
  try {
    return (
      lists
        .map((list) => sentencesOf(list, '', 0, { left: MOST_PARTS }) ?? [])
        .find(({ length }) => length > 0) ?? []
    );
  } catch {
    return [];
  }
}

/** How many more parts are looked at. */
interface Parts {
  left: number;
}

/** @returns undefined where a part of it is no violation: then it says something else */
function sentencesOf(list: unknown, path: string, depth: number, parts: Parts): string[] | undefined {
  if (depth > DEEPEST) return [];
  const sentences: string[] = [];
  for (const part of membersOf(list, MOST_VIOLATIONS)) {
    if ((parts.left -= 1) < 0) break;
    const own = sentencesOfOne(part, path, depth, parts);
    if (!own) return undefined;
    sentences.push(...own);
    if (sentences.length >= MOST_VIOLATIONS) break;
  }
  return sentences.slice(0, MOST_VIOLATIONS).map((sentence) => sentence.slice(0, LONGEST_SENTENCE));
}

function sentencesOfOne(part: unknown, path: string, depth: number, parts: Parts): string[] | undefined {
  if (typeof part === 'string') return [path + part];
  const { property, constraints, children, message, path: place } = propertiesOf(part);
  if (typeof property === 'string' && (isObject(constraints) || isObject(children))) {
    const own = isObject(constraints) ? Object.values(constraints) : [];
    const below = sentencesOf(children, `${path}${property}.`, depth + 1, parts) ?? [];
    return [...own.map((sentence) => path + plainText(sentence, LONGEST_SENTENCE)), ...below];
  }
  if (typeof message !== 'string' || !Array.isArray(place)) return undefined;
  const steps = membersOf(place, DEEPEST).map((step) =>
    plainText(read(step, 'key') ?? step, LONGEST_SENTENCE),
  );
  return [steps.length > 0 ? `${steps.join('.')}: ${message}` : message];
}

type Looked = Record<'property' | 'constraints' | 'children' | 'message' | 'path', unknown>;

function propertiesOf(part: unknown): Looked {
  const names = ['property', 'constraints', 'children', 'message', 'path'] as const;
  return Object.fromEntries(names.map((name) => [name, read(part, name)])) as Looked;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
