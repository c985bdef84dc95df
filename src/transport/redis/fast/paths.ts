/**
 * What has a fast path in addition to a plain one that does the same: reading entries, sending emits, filling the
 * parameters of handlers. What each is worth is measured by `npm run bench -- fast-paths --rounds 15 --count 20000`. Of
 * the CPU of a message, the medians with the path to without it were 0.76, 0.90 and 0.81 on a busy machine; one that
 * spares less than a tenth goes.
 */
export type Path = 'reads' | 'emits' | 'parameters';

/** Says why a fast path is not taken. */
export type OnMisfit = (line: string) => void;

/** The tests run with plain paths in addition: all of them, or those that are named by comma. */
const plain = (process.env.ORDER_STREAMS_PLAIN ?? '').split(',');

export function isFast(path: Path): boolean {
  return !plain.includes('all') && !plain.includes(path);
}

/** Writes each line once, however many links or handlers it is true of. */
export function saidOnce(write: (level: 'warn', line: string) => void): OnMisfit {
  const said = new Set<string>();
  return (line) => {
    if (said.has(line)) return;
    said.add(line);
    write('warn', line);
  };
}
