import { setTimeout as delay } from 'node:timers/promises';
import type { SettlementBroker } from '../broker/stream-broker.js';
import { endOfTurn } from './end-of-turn.js';

/** Most ids in one XACK: Redis serves nobody else while it runs. */
const MAX_IDS = 1_000;
/** From here on a handler's slot stays taken until its entry is acknowledged. */
const MAX_UNSETTLED = 2_000;
const LONGEST_DELAY_MS = 1_000;

/** What an acknowledger works with. */
export interface AcknowledgerParts {
  readonly broker: Pick<SettlementBroker, 'acknowledge'>;
  readonly stream: string;
  /** Told which entries are acknowledged. */
  readonly onAcknowledged: (ids: readonly string[]) => void;
  /** Told when Redis refuses; it is tried again until {@link Acknowledger.giveUp}. */
  readonly onFailure: (error: unknown) => void;
}

/** Acknowledges entries of one stream: all that finished since the last write go in one command. */
export class Acknowledger {
  private queue: string[] = [];
  private unsettled = 0;
  private writing: Promise<void> | undefined;
  private gaveUp = false;

  constructor(private readonly parts: AcknowledgerParts) {}

  /** @returns undefined, or while Redis lags behind a promise of its catching up */
  acknowledge(id: string): Promise<void> | undefined {
    this.queue.push(id);
    this.unsettled += 1;
    this.writing ??= this.write();
    return this.unsettled > MAX_UNSETTLED ? this.writing : undefined;
  }

  /** Stops trying; what is not acknowledged yet will be delivered again. */
  giveUp(): void {
    this.gaveUp = true;
  }

  private async write(): Promise<void> {
    await endOfTurn();
    for (let attempt = 0; this.queue.length > 0 && !this.gaveUp;) {
      const ids = this.queue.splice(0, MAX_IDS);
      try {
        await this.parts.broker.acknowledge(this.parts.stream, ids);
        this.unsettled -= ids.length;
        this.parts.onAcknowledged(ids);
        attempt = 0;
      } catch (error) {
        this.queue = [...ids, ...this.queue];
        this.parts.onFailure(error);
        await delay(Math.min(50 * 2 ** attempt, LONGEST_DELAY_MS));
        attempt = Math.min(attempt + 1, 10);
      }
    }
    // In the same turn as the look at the queue: what is queued from now on must begin a new write.
    this.writing = undefined;
  }
}
