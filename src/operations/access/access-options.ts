/** Token of the {@link AccessOptions}. */
export const ACCESS_OPTIONS = Symbol('AccessOptions');

/** The bearer tokens, from the one that may do everything down. */
export interface AccessOptions {
  readonly adminToken?: string | undefined;
  readonly replayToken?: string | undefined;
  readonly readToken?: string | undefined;
  /** Paths of the application's controllers that are open to everybody, such as `orders`. */
  readonly openPaths?: readonly string[];
}
