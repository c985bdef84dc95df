import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** How long no order was processed until the storefront thinks that no more will be, in milliseconds. */
const QUIET_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** The orders that were sent and of which nothing was heard yet. */
@Injectable()
export class AwaitedOrders {
  private readonly ids = new Set<string>();
  private heardAt = Date.now();
  private count = 0;

  /** To be called before the order is sent: it may be processed sooner than the answer is here. */
  add(orderId: string): void {
    this.ids.add(orderId);
  }

  remove(orderId: string): void {
    this.ids.delete(orderId);
  }

  /** @returns whether the order is one of ours, and heard of for the first time */
  processed(orderId: string): boolean {
    if (!this.ids.delete(orderId)) return false;
    this.heardAt = Date.now();
    this.count += 1;
    return true;
  }

  /** Waits for the rest, while there is news, and resolves with how many were processed in all. */
  async wait(signal: AbortSignal): Promise<number> {
    this.heardAt = Date.now();
    while (this.ids.size > 0 && Date.now() - this.heardAt < QUIET_MS && !signal.aborted) {
      await setTimeout(LOOK_EVERY_MS);
    }
    return this.count;
  }
}
