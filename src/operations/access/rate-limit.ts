/** Most addresses that are counted at once. Those that come on top are refused: memory stays bounded in a flood. */
const MOST_ADDRESSES = 10_000;

/**
 * Counts what each address asks for, window by window. A counter for each address and no list of requests, so that a
 * flood costs next to nothing.
 */
export class RateLimit {
  private counts = new Map<string, number>();
  private window = 0;

  /**
   * @param most - requests of one address within a window
   * @param windowMs - length of a window in milliseconds
   * @param now - milliseconds, never going back
   */
  constructor(
    private readonly most: number,
    private readonly windowMs: number,
    private readonly now: () => number = () => performance.now(),
    private readonly mostAddresses = MOST_ADDRESSES,
  ) {}

  /** Counts a request. @returns whether it is within the limit */
  admits(address: string): boolean {
    const window = Math.floor(this.now() / this.windowMs);
    if (window !== this.window) {
      this.window = window;
      this.counts = new Map();
    }
    const count = (this.counts.get(address) ?? 0) + 1;
    if (count === 1 && this.counts.size >= this.mostAddresses) return false;
    this.counts.set(address, count);
    return count <= this.most;
  }
}
