import type { DeadLetter } from '../protocol/dead-letter.js';
import type { ENTRY_ID, StreamWrites } from '../protocol/stream-writes.js';

/**
 * Adds Redis writes to the step that moves a dead letter back to its stream: they are applied with it or not at all. Its
 * keys must share the stream's hash slot. It may wait, and may read first: a dead letter never changes, and goes back
 * once. When it throws, the dead letter stays where it is.
 *
 * @param payload - what goes back: the payload that failed, or the one given in its place; undefined when it cannot be
 * decoded, or is too large to be read (see `truncation`)
 * @param entryId - stands for the id of the new entry
 */
export type ReplayHook = (
  deadLetter: DeadLetter,
  payload: unknown,
  writes: StreamWrites,
  entryId: typeof ENTRY_ID,
) => void | Promise<void>;
