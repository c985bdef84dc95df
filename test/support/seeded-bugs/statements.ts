import { Client } from 'pg';
import { replaced } from './replaced.js';

/**
 * Sends each statement that has a text with another text instead.
 *
 * @returns what takes that back, and says how many statements it changed
 */
export function rewriteStatements(part: RegExp, instead: string): () => number {
  const proper = Reflect.get(Client.prototype, 'query') as (...args: unknown[]) => unknown;
  let changed = 0;
  const rewritten = (text: unknown): unknown => {
    if (typeof text !== 'string' || !part.test(text)) return text;
    changed += 1;
    return text.replace(part, instead);
  };
  const putBack = replaced(Client.prototype, 'query', function (this: Client, ...args: unknown[]): unknown {
    const [statement, ...rest] = args;
    return Reflect.apply(proper, this, [rewritten(statement), ...rest]);
  });
  return () => {
    putBack();
    return changed;
  };
}
