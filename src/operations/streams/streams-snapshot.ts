import type { StreamState } from '../../transport/index.js';

/** What a stream is to this service. */
export type StreamRole =
  /** Its entries are given to a handler of this service. */
  | 'input'
  /** What could not be processed. */
  | 'dead-letters'
  /** What this service emits, if it has emitted anything. */
  | 'output';

/** A stream as `GET /streams` shows it. */
export interface StreamSnapshot extends StreamState {
  readonly role: StreamRole;
}

/**
 * The streams of this service at one moment: first those that it consumes, each followed by its dead letters, then
 * those that it emits into.
 */
export interface StreamsSnapshot {
  /** ISO 8601. */
  readonly at: string;
  /** The group in which this service consumes. */
  readonly group: string;
  readonly streams: readonly StreamSnapshot[];
}
