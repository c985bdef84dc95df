import { randomUUID } from 'node:crypto';

/** What a number of a payload becomes that a JavaScript number may not hold digit by digit. */
export type BigNumbers = 'string' | 'bigint';

const BYTE_ORDER_MARK = '\ufeff';

/** The text without the mark that producers of Windows and of spreadsheets put before it. */
export function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/**
 * Parses a payload.
 *
 * @param bigNumbers - what numbers beyond 2^53 - 1 become; without it they are rounded, as by `JSON.parse`
 * @throws SyntaxError when the text is not JSON
 */
export function parsePayload(text: string, bigNumbers: BigNumbers | undefined): unknown {
  try {
    return parse(text, bigNumbers);
  } catch (error) {
    const unmarked = withoutMark(text);
    if (unmarked === text) throw error;
    return parse(unmarked, bigNumbers);
  }
}

/** No number of fewer digits before its point is beyond 2^53. */
const LONG_NUMBER = /\d{16}/;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
/** Begins the texts that stand for a bigint; no producer can know it. */
const MARK = randomUUID();

function parse(text: string, bigNumbers: BigNumbers | undefined): unknown {
  const value: unknown = JSON.parse(text);
  if (bigNumbers === undefined || !LONG_NUMBER.test(text)) return value;
  if (bigNumbers === 'string') return JSON.parse(quoted(text, () => ''));
  const marked = quoted(text, (literal) => (literal.includes('.') ? '' : MARK));
  return JSON.parse(marked, (_, member: unknown) =>
    typeof member === 'string' && member.startsWith(MARK) ? BigInt(member.slice(MARK.length)) : member,
  );
}

/** JSON whose numbers beyond 2^53 - 1 are texts, with a prefix. */
function quoted(json: string, prefixOf: (literal: string) => string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < json.length;) {
    const character = json.charCodeAt(at);
    if (character === 0x22) at = endOfText(json, at);
    else if (character === 0x2d || (character >= 0x30 && character <= 0x39)) {
      NUMBER.lastIndex = at;
      const [literal = '', , exponent] = NUMBER.exec(json) ?? [];
      if (exponent === undefined && !Number.isSafeInteger(Math.trunc(Number(literal)))) {
        parts.push(json.slice(copied, at), '"', prefixOf(literal), literal, '"');
        copied = at + literal.length;
      }
      at += literal.length;
    } else at += 1;
  }
  return [...parts, json.slice(copied)].join('');
}

/** Where the text is over that begins at a quotation mark. */
function endOfText(json: string, start: number): number {
  for (let at = start; ;) {
    at = json.indexOf('"', at + 1);
    let escapes = 0;
    while (json[at - 1 - escapes] === '\\') escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
}
