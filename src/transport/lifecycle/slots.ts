import { Signal } from '../redis/signal.js';

/** One of those who share the slots. */
export interface Claimant {
  /** A slot may be free. */
  onFree(): void;
  /** Somebody is about to run alone: let go of what was taken on and not started. */
  onReserved(): void;
}

/** Bounds how many handlers run at once in a process, and shares the room fairly among its streams. */
export class Slots {
  private readonly claimants: Claimant[] = [];
  private taken = 0;
  private turn = 0;
  private reserved = false;
  private readonly quiet = new Signal();

  constructor(readonly limit: number) {}

  addClaimant(claimant: Claimant): void {
    this.claimants.push(claimant);
  }

  get free(): number {
    return this.reserved ? 0 : this.limit - this.taken;
  }

  /** Whether somebody runs alone, or is about to. */
  get isReserved(): boolean {
    return this.reserved;
  }

  tryTake(): boolean {
    if (this.free <= 0) return false;
    this.taken += 1;
    return true;
  }

  release(): void {
    this.taken -= 1;
    if (this.reserved) {
      if (this.taken === 0) this.quiet.tell();
      return;
    }
    this.offer();
  }

  /**
   * Runs something while no handler runs, and keeps others from starting.
   *
   * @param patienceMs - how long running handlers are waited for; nothing starts meanwhile
   * @returns whether it was run, or why not: somebody else runs alone, or handlers went on for longer
   */
  async alone(patienceMs: number, run: () => Promise<void>): Promise<'ran' | 'busy' | 'not-quiet'> {
    if (this.reserved) return 'busy';
    this.reserved = true;
    for (const claimant of this.claimants) claimant.onReserved();
    try {
      if (!(await this.quietWithin(patienceMs))) return 'not-quiet';
      await run();
      return 'ran';
    } finally {
      this.reserved = false;
      this.offer();
    }
  }

  private async quietWithin(ms: number): Promise<boolean> {
    if (this.taken > 0) await this.quiet.within(ms);
    return this.taken === 0;
  }

  private offer(): void {
    // Each time another one is asked first, so that a busy stream does not starve a quiet one.
    this.turn = (this.turn + 1) % this.claimants.length;
    for (let i = 0; i < this.claimants.length && this.free > 0; i += 1) {
      this.claimants[(this.turn + i) % this.claimants.length]?.onFree();
    }
  }
}
