import type { InFlight } from './in-flight.js';

/** Longest time between two looks, in milliseconds. */
const LONGEST_INTERVAL_MS = 1_000;
const SHORTEST_INTERVAL_MS = 10;
/** How long an entry may wait for a slot before it is handed back, in milliseconds. */
const BUFFER_PATIENCE_MS = 1_000;

/** How often things must be looked at. */
export interface WatchLimits {
  readonly ackWaitMs: number;
  /** 0 for never. */
  readonly handlerTimeoutMs: number;
}

/**
 * Looks after what a consumer holds, beside the hot path: ends handlers whose time is up, keeps long-running entries
 * from looking abandoned, hands back what waits too long for a slot.
 */
export class DeliveryWatch {
  private timer: NodeJS.Timeout | undefined;
  private refreshing = false;

  constructor(
    private readonly inFlight: InFlight,
    private readonly limits: WatchLimits,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  start(): void {
    const { ackWaitMs, handlerTimeoutMs } = this.limits;
    const needed = Math.min(ackWaitMs / 6, handlerTimeoutMs > 0 ? handlerTimeoutMs / 4 : Infinity);
    const interval = Math.max(Math.min(needed, LONGEST_INTERVAL_MS), SHORTEST_INTERVAL_MS);
    this.timer = setInterval(() => this.look(), interval);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { ackWaitMs, handlerTimeoutMs } = this.limits;
    if (handlerTimeoutMs > 0) this.inFlight.expire(handlerTimeoutMs);
    void this.inFlight.handBack(BUFFER_PATIENCE_MS);
    if (!this.refreshing) void this.refresh(ackWaitMs / 3);
  }

  private async refresh(afterMs: number): Promise<void> {
    this.refreshing = true;
    try {
      await this.inFlight.keepFresh(afterMs);
    } catch (error) {
      this.onFailure(error);
    } finally {
      this.refreshing = false;
    }
  }
}
