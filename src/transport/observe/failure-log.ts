/** Logs a trouble that goes on at most once in a while, with how often it came in between. */
export class FailureLog {
  private readonly seen = new Map<string, { at: number; suppressed: number }>();

  constructor(
    private readonly write: (message: string) => void,
    /** Milliseconds between two lines on the same trouble. */
    private readonly everyMs = 5_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param topic - what counts as the same trouble */
  report(topic: string, message: string): void {
    const last = this.seen.get(topic);
    const now = this.now();
    if (last && now - last.at < this.everyMs) {
      last.suppressed += 1;
      return;
    }
    this.write(last?.suppressed ? `${message} (and ${last.suppressed} times more in between)` : message);
    this.seen.set(topic, { at: now, suppressed: 0 });
  }
}
