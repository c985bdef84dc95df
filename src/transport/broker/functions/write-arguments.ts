import { ENTRY_ID, type StreamWrite, type WriteValue } from '../../protocol/stream-writes.js';

/** Keys and arguments of writes, as the functions of the library read them. */
export interface WriteArguments {
  readonly keys: string[];
  readonly args: (string | number)[];
}

/**
 * Lays out writes for a function.
 *
 * @param ownKeys - how many keys of its own the function declares before those of the writes
 */
export function writeArguments(writes: readonly StreamWrite[], ownKeys: number): WriteArguments {
  const keys = [...new Set(writes.map(({ key }) => key))];
  const args: (string | number)[] = [writes.length];
  for (const { command, key, args: values } of writes) {
    args.push(command, ownKeys + 1 + keys.indexOf(key), values.length, ...values.map(literal));
  }
  return { keys, args };
}

function literal(value: WriteValue): string {
  return value === ENTRY_ID ? '#' : `=${value}`;
}
