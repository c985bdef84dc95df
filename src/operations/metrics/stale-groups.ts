import type { RedisStreamsServer } from '../../transport/index.js';

/** The transport reports a stale group at every look, each ten seconds; this long after the last it is none. */
const LASTS_MS = 60_000;

/** Remembers which groups hold retention back. */
export class StaleGroups {
  private readonly seen = new Map<string, number>();

  /** @param recoveryIntervalMs - milliseconds between two runs of the recovery, which looks */
  constructor(
    server: RedisStreamsServer,
    private readonly recoveryIntervalMs: number,
  ) {
    server.on('stale-group', ({ stream, staleGroup }) => {
      this.seen.set(keyOf(stream, staleGroup), performance.now());
    });
  }

  isStale(stream: string, group: string): boolean {
    const key = keyOf(stream, group);
    const at = this.seen.get(key);
    if (at === undefined) return false;
    if (performance.now() - at < LASTS_MS + 2 * this.recoveryIntervalMs) return true;
    this.seen.delete(key);
    return false;
  }
}

function keyOf(stream: string, group: string): string {
  return JSON.stringify([stream, group]);
}
