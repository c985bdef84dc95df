/** What a text between semicolons begins with, where that begins or ends a transaction. */
const CONTROL =
  /^(?:(BEGIN|COMMIT|END|ABORT)\b|(START)\s+TRANSACTION\b|(PREPARE)\s+TRANSACTION\b|(ROLLBACK)\b(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b))/i;
/** Looked for first: nearly no statement has one of these words. */
const ANY_CONTROL = /\b(?:begin|commit|end|abort|start|prepare|rollback)\b/i;
/** Comments, and what may hold a semicolon or a word without meaning it. */
const PASSED_OVER =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g;

/**
 * The word by which a text of SQL begins or ends a transaction, if it does: in upper case. Savepoints do neither.
 *
 * It spares a user a half-done transaction and explains it; whether a transaction is whole it does not prove.
 */
export function transactionControlIn(text: string): string | undefined {
  if (!ANY_CONTROL.test(text)) return undefined;
  const bare = text.replace(PASSED_OVER, (part) => (/^(--|\/\*)/.test(part) ? ' ' : "''"));
  // The body of a function in standard SQL has statements of its own, and an END.
  if (/^\s*CREATE\b[\s\S]*\bBEGIN\s+ATOMIC\b/i.test(bare)) return undefined;
  for (const statement of bare.split(';')) {
    const found = CONTROL.exec(statement.trim());
    if (found) return found[0].toUpperCase().replaceAll(/\s+/g, ' ');
  }
  return undefined;
}
