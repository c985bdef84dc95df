import { performance } from 'node:perf_hooks';

/** For how long handlers are started before everything else has its turn, in milliseconds. */
const TURN_MS = 50;
/**
 * Handlers that compute and never wait start one another without an end: what waits here could take seconds, in which
 * nothing is acknowledged and no heartbeat sent. So after a while the event loop goes round once.
 */
export class Turn {
  private began = 0;
  private isPausing = false;

  /** @param onNext - called when everything else had its turn */
  constructor(private readonly onNext: () => void) {}

  /** @param now - on the clock of `performance.now()` */
  begin(now: number): void {
    this.began = now;
  }

  /** Whether nothing more may be started now. */
  isOver(): boolean {
    if (this.isPausing) return true;
    if (performance.now() - this.began < TURN_MS) return false;
    this.isPausing = true;
    setImmediate(() => {
      this.isPausing = false;
      this.began = performance.now();
      this.onNext();
    });
    return true;
  }
}
