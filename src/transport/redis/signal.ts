/** Lets any number of waiters know that something changed. */
export class Signal {
  private waiters = new Set<() => void>();

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => this.waiters.add(resolve));
  }

  /** Resolves at the next change, or when the time is over. */
  within(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.waiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, ms);
      this.waiters.add(settle);
    });
  }

  notify(): void {
    if (this.waiters.size === 0) return;
    const { waiters } = this;
    this.waiters = new Set();
    for (const waiter of waiters) waiter();
  }
}
