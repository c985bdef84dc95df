import { performance } from 'node:perf_hooks';
import { refOf } from '../entry/delivery.js';
import { HandlerTimeoutError } from '../entry/errors.js';
import type { SettlementBroker } from '../redis/port.js';
import type { InFlight } from './in-flight.js';

/** Longest time between two looks, in milliseconds. */
const LONGEST_INTERVAL_MS = 1_000;
const SHORTEST_INTERVAL_MS = 10;
/** How long an entry may wait for a slot before it is handed back, in milliseconds. */
const BUFFER_PATIENCE_MS = 1_000;

/** For how long entries wait without a free slot until that is said, in milliseconds. */
export const EXHAUSTED_MS = 10_000;

/** What a watch works with. */
export interface WatchParts {
  readonly stream: string;
  readonly broker: Pick<SettlementBroker, 'extend'>;
  readonly inFlight: InFlight;
  readonly ackWaitMs: number;
  /** 0 for never. */
  readonly handlerTimeoutMs: number;
  readonly onFailure: (error: unknown) => void;
  /** Called once each time that entries have waited for long while no slot of the pattern became free. */
  readonly onExhausted: (exhausted: { readonly running: number; readonly waitedMs: number }) => void;
}

/**
 * Looks after what is in flight, apart from the hot path: ends handlers whose time is up, keeps long-running entries
 * from looking abandoned, hands back what waits too long for a slot.
 */
export class DeliveryWatch {
  private timer: NodeJS.Timeout | undefined;
  private refreshing = false;
  private isExhausted = false;

  constructor(private readonly parts: WatchParts) {}

  start(): void {
    const { ackWaitMs, handlerTimeoutMs } = this.parts;
    const needed = Math.min(ackWaitMs / 6, handlerTimeoutMs > 0 ? handlerTimeoutMs / 4 : Infinity);
    const interval = Math.max(Math.min(needed, LONGEST_INTERVAL_MS), SHORTEST_INTERVAL_MS);
    this.timer = setInterval(() => this.look(), interval);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Treats handlers that run for longer than this as failed. */
  expire(timeoutMs: number): void {
    const { inFlight } = this.parts;
    const before = performance.now() - timeoutMs;
    for (const delivery of inFlight.deliveries) {
      const { startedAt = Infinity, isDecided } = delivery;
      if (startedAt > before || isDecided) continue;
      void inFlight.expire(delivery, new HandlerTimeoutError(timeoutMs));
    }
  }

  /** Keeps entries from looking abandoned that were not fresh in Redis for longer than this. */
  async keepFresh(longerThanMs: number): Promise<void> {
    const { broker, stream, inFlight } = this.parts;
    const now = performance.now();
    const aging = [...inFlight.deliveries].filter(({ freshAt }) => freshAt <= now - longerThanMs);
    if (aging.length === 0) return;
    for (const delivery of aging) delivery.detach();
    const lost = new Set(await broker.extend(stream, aging.map(refOf)));
    for (const delivery of aging) {
      if (lost.has(delivery.id)) inFlight.lose(delivery);
      else delivery.freshAt = now;
    }
  }

  private look(): void {
    const { ackWaitMs, handlerTimeoutMs, inFlight } = this.parts;
    if (handlerTimeoutMs > 0) this.expire(handlerTimeoutMs);
    void inFlight.handBack(BUFFER_PATIENCE_MS);
    this.lookAtSlots();
    if (!this.refreshing) void this.refresh(ackWaitMs / 3);
  }

  private lookAtSlots(): void {
    const { share, inFlight: running } = this.parts.inFlight;
    const waitedMs = share.exhaustedForMs;
    const was = this.isExhausted;
    this.isExhausted = waitedMs > EXHAUSTED_MS;
    if (this.isExhausted && !was) this.parts.onExhausted({ running, waitedMs });
  }

  private async refresh(afterMs: number): Promise<void> {
    this.refreshing = true;
    try {
      await this.keepFresh(afterMs);
    } catch (error) {
      this.parts.onFailure(error);
    } finally {
      this.refreshing = false;
    }
  }
}
