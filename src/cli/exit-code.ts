/** How a command ended, for scripts. */
export const EXIT = {
  ok: 0,
  /** The service or its Redis is unavailable, or something failed that nobody foresaw. */
  failed: 1,
  /** The command was not understood, or the service refused what it was given. */
  usage: 2,
  /** What was asked for is not there, was taken before, or cannot be done with it. */
  conflict: 3,
  /** The token is missing or wrong, or may not do that. */
  notAllowed: 4,
} as const;

/** The exit code for an answer of the service. */
export function exitCodeFor(status: number): number {
  if (status === 400 || status === 413) return EXIT.usage;
  if (status === 404 || status === 409 || status === 422) return EXIT.conflict;
  if (status === 401 || status === 403 || status === 429) return EXIT.notAllowed;
  return status < 400 ? EXIT.ok : EXIT.failed;
}
