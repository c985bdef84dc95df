/** Token of the {@link StreamsOptions}. */
export const STREAMS_OPTIONS = Symbol('StreamsOptions');

/** What there is to look at in addition to the streams that the transport consumes. */
export interface StreamsOptions {
  /** The group in which the service consumes. */
  readonly group: string;
  /** Patterns into which the service emits. */
  readonly outputs: readonly string[];
}
