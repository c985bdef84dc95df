import { UnencodableEventError } from './errors/unencodable-event.error.js';
import type { WriteValue } from './stream-write.js';
import { WriteCollector } from './write-collector.js';

export { ENTRY_ID, type StreamWrite, type WriteValue } from './stream-write.js';

/**
 * Collects Redis writes that are applied together with a stream entry, in one atomic step or not at all. On a Redis
 * Cluster every key must share the stream's hash slot; `helperKey` of the client makes such keys.
 */
export class StreamWrites extends WriteCollector<WriteValue> {
  /**
   * Makes the writes of the step depend on a field of a hash: where it is there and holds another value, none of them is
   * made. An entry is then not added either, and the emit fails with {@link ContradictedWritesError}; a step that ends or
   * parks an entry does that alone.
   */
  onlyIfSame(key: string, field: string, value: WriteValue): this {
    return this.add('onlyifsame', key, [field, value]);
  }

  protected override unusable(problem: string): Error {
    return new UnencodableEventError(problem);
  }

  protected override tooMuch(problem: string): Error {
    return new UnencodableEventError(problem);
  }
}
