import { isAboutCommand } from './redis-failure.js';
import type { Park, ParkAnswer, Settlement } from './settlement.js';

/** Most entries, and bytes of what is written with them, in one call: Redis serves nobody else while it runs. */
const MAX_PARKS = 128;
const MAX_BYTES = 262_144;

interface Waiting {
  readonly park: Park;
  readonly bytes: number;
  readonly resolve: (settlement: Settlement) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Parks entries of one stream: all that failed since the last call go in the next, each fenced, checked and answered for
 * itself.
 */
export class ParkQueue {
  private waiting: Waiting[] = [];
  private isSending = false;

  /** @param call - parks entries; gives one answer for each, in their order */
  constructor(private readonly call: (parks: readonly Park[]) => Promise<readonly ParkAnswer[]>) {}

  /** @throws whatever Redis refused this entry, or the call, with */
  park(park: Park): Promise<Settlement> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ park, bytes: bytesOf(park), resolve, reject });
      if (!this.isSending) void this.sendAll();
    });
  }

  private async sendAll(): Promise<void> {
    this.isSending = true;
    // Lets everything join that fails in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) await this.send(this.takeBatch());
    // In the same turn as the look at what waits: what comes from now on must begin to send anew.
    this.isSending = false;
  }

  private takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const next of this.waiting) {
      if (count === MAX_PARKS || (count > 0 && bytes + next.bytes > MAX_BYTES)) break;
      bytes += next.bytes;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  private async send(batch: readonly Waiting[]): Promise<void> {
    let answers: readonly ParkAnswer[];
    try {
      answers = await this.call(batch.map(({ park }) => park));
    } catch (error) {
      // One entry must not harm the others: what Redis will not even begin is sent piece by piece.
      if (batch.length > 1 && isAboutCommand(error)) {
        for (const waiting of batch) await this.send([waiting]);
        return;
      }
      for (const { reject } of batch) reject(error);
      return;
    }
    batch.forEach(({ resolve, reject }, index) => {
      const answer = answers[index];
      if (typeof answer === 'string') resolve(answer);
      else reject(new Error(answer?.refused ?? `Redis answered ${answers.length} of ${batch.length} parks`));
    });
  }
}

function bytesOf({ writes }: Park): number {
  let bytes = 0;
  for (const { key, args } of writes) {
    bytes += key.length;
    for (const arg of args) bytes += typeof arg === 'string' ? arg.length : 8;
  }
  return bytes;
}
