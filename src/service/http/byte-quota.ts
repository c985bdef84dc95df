/** Most callers that are counted at once. Beyond them the one that came first is forgotten: memory stays bounded. */
const MOST_CALLERS = 100_000;

/** Counts the bytes that each caller placed, window by window. */
export class ByteQuota {
  private taken = new Map<string, number>();
  private window = 0;

  /**
   * @param most - bytes of one caller within a window
   * @param windowMs - length of a window in milliseconds
   * @param now - milliseconds, never going back
   */
  constructor(
    private readonly most: number,
    private readonly windowMs: number,
    private readonly now: () => number = () => performance.now(),
    private readonly mostCallers = MOST_CALLERS,
  ) {}

  /**
   * Takes bytes from the quota of a caller.
   *
   * @returns what gives them back; undefined, with nothing taken, where they are more than is left
   */
  take(caller: string, bytes: number): (() => void) | undefined {
    const window = Math.floor(this.now() / this.windowMs);
    if (window !== this.window) {
      this.window = window;
      this.taken = new Map();
    }
    const { taken } = this;
    const sum = (taken.get(caller) ?? 0) + bytes;
    if (sum > this.most) return undefined;
    taken.set(caller, sum);
    for (const first of taken.keys()) {
      if (taken.size <= this.mostCallers) break;
      taken.delete(first);
    }
    return () => {
      const left = taken.get(caller);
      if (left !== undefined) taken.set(caller, Math.max(0, left - bytes));
    };
  }

  /** How long it is until the next window begins, in milliseconds. */
  get msUntilNext(): number {
    return this.windowMs - (this.now() % this.windowMs);
  }
}
