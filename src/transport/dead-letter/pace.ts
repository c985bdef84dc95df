/** What was not used for longer than this is not made up for, in milliseconds. */
const LONGEST_CREDIT_MS = 250;

/** Spreads steps evenly over time. The clock is handed in. */
export class Pace {
  private readonly intervalMs: number;
  private nextAt: number;

  constructor(
    perSecond: number,
    private readonly now: () => number,
  ) {
    this.intervalMs = 1000 / perSecond;
    this.nextAt = now();
  }

  /** Takes as many of the wanted steps as may be made now. */
  take(wanted: number): number {
    const now = this.now();
    this.nextAt = Math.max(this.nextAt, now - LONGEST_CREDIT_MS);
    if (this.nextAt > now) return 0;
    const allowed = Math.min(wanted, Math.floor((now - this.nextAt) / this.intervalMs) + 1);
    this.nextAt += allowed * this.intervalMs;
    return allowed;
  }

  /** Milliseconds until the next step. */
  waitMs(): number {
    return Math.max(0, this.nextAt - this.now());
  }
}
