/** Token of the {@link AccessOptions}. */
export const ACCESS_OPTIONS = Symbol('AccessOptions');

/**
 * The bearer tokens of operators. Where none is set, operators are those who ask from this machine itself, without a
 * proxy between.
 */
export interface AccessOptions {
  /** Its holder may do everything: read, replay and discard. */
  readonly adminToken?: string | undefined;
  /** Its holder may read, and put dead letters back. */
  readonly replayToken?: string | undefined;
  /** Its holder may read. */
  readonly readToken?: string | undefined;
  /**
   * Paths of the application's controllers that are open to everybody, such as `orders`; `health` and `metrics` always are.
   *
   * @defaultValue none: the guard closes every other route of the application
   */
  readonly openPaths?: readonly string[];
}
