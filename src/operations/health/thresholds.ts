/** Token of the {@link Thresholds}. */
export const THRESHOLDS = Symbol('Thresholds');

/** From where on a person should look, although the service works. */
export interface Thresholds {
  /** Entries that a group has not been given yet: more is a warning. */
  readonly lag: number;
  /** Age of the oldest pending entry in milliseconds: older is a warning. */
  readonly oldestPendingMs: number;
  /** Entries of a dead-letter stream: as many is a warning. */
  readonly deadLetters: number;
}
