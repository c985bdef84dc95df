/** Most addresses that are counted at once. Those that come on top are refused: memory stays bounded in a flood. */
const MOST_ADDRESSES = 10_000;
const SECOND_MS = 1_000;

/**
 * Counts what each address asks for, second by second. A counter for each address and no list of requests, so that a
 * flood costs next to nothing.
 */
export class RateLimit {
  private counts = new Map<string, number>();
  private second = 0;

  /**
   * @param perSecond - requests of one address within a second
   * @param now - milliseconds, never going back
   */
  constructor(
    private readonly perSecond: number,
    private readonly now: () => number,
    private readonly mostAddresses = MOST_ADDRESSES,
  ) {}

  /** Counts a request. @returns whether it is within the limit */
  admits(address: string): boolean {
    const second = Math.floor(this.now() / SECOND_MS);
    if (second !== this.second) {
      this.second = second;
      this.counts = new Map();
    }
    const count = (this.counts.get(address) ?? 0) + 1;
    if (count === 1 && this.counts.size >= this.mostAddresses) return false;
    this.counts.set(address, count);
    return count <= this.perSecond;
  }
}
