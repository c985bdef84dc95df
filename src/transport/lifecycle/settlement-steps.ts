import { setTimeout as delay } from 'node:timers/promises';
import { failureOf } from '../redis/redis-failure.js';

const LONGEST_DELAY_MS = 1_000;

/** Carries out steps that settle entries, however often Redis refuses them. */
export class SettlementSteps {
  private gaveUp = false;

  /** @param onFailure - called each time that Redis refuses a step */
  constructor(private readonly onFailure: (error: unknown) => void) {}

  /** Stops trying; what is not settled stays pending. */
  giveUp(): void {
    this.gaveUp = true;
  }

  get hasGivenUp(): boolean {
    return this.gaveUp;
  }

  /**
   * Repeats a step until Redis takes it, or the process ends.
   *
   * @param step - called with whether the writes that travel with it can be used: where a key of theirs holds another type,
   * the settlement goes on without them
   */
  async untilTaken<T>(step: (writesUsable: boolean) => Promise<T>): Promise<T | undefined> {
    let writesUsable = true;
    for (let attempt = 0; !this.gaveUp; attempt = Math.min(attempt + 1, 10)) {
      try {
        return await step(writesUsable);
      } catch (error) {
        this.onFailure(error);
        if (failureOf(error) === 'unusable-writes') writesUsable = false;
        await delay(Math.min(50 * 2 ** attempt, LONGEST_DELAY_MS));
      }
    }
    return undefined;
  }
}
