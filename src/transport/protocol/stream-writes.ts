import { UnencodableEventError } from './errors/unencodable-event.error.js';
import type { WriteValue } from './stream-write.js';
import { WriteCollector } from './write-collector.js';

export { ENTRY_ID, type StreamWrite, type WriteValue } from './stream-write.js';

/**
 * Collects Redis writes that are applied together with a stream entry, in one atomic step or not at all. On a Redis
 * Cluster every key must share the stream's hash slot; `helperKey` of the client makes such keys.
 */
export class StreamWrites extends WriteCollector<WriteValue> {
  protected override unusable(problem: string): Error {
    return new UnencodableEventError(problem);
  }

  protected override tooMuch(problem: string): Error {
    return new UnencodableEventError(problem);
  }
}
