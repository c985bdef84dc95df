/** Measures from the first message after a warm-up to the last of `count`: time, CPU of this process, memory at the end. */
export class Meter {
  constructor(count, warmUp = 0) {
    this.left = warmUp;
    this.count = count - warmUp;
    this.seen = 0;
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  /** Counts one message. */
  tick() {
    if (this.left > 0) {
      this.left -= 1;
      return;
    }
    if (this.seen === 0) this.begin();
    this.seen += 1;
    if (this.seen === this.count) this.end(this.result());
  }

  begin() {
    this.startedAt = performance.now();
    this.startedAtClock = Number(process.hrtime.bigint() / 1_000n);
    this.cpu = process.cpuUsage();
  }

  result() {
    const ms = performance.now() - this.startedAt;
    const { user, system } = process.cpuUsage(this.cpu);
    return {
      messages: this.seen,
      ms,
      perSecond: (this.seen / ms) * 1_000,
      cpuUs: (user + system) / this.seen,
      rssMb: process.memoryUsage.rss() / 1_048_576,
      fromUs: this.startedAtClock,
      toUs: this.startedAtClock + ms * 1_000,
    };
  }
}
