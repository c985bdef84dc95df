import type { EmitWire, ReadyFields } from '../fast/emit-wire.js';
import type { Running } from './time-limit.js';
import type { Idempotency } from '../../entry/names.js';
import type { StreamWrite } from '../../entry/writes.js';

/** What becomes an entry, and what goes with it. */
export interface Publication {
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Applied in the same step. */
  readonly writes: readonly StreamWrite[];
  /** By what a repeat is known. */
  readonly idempotency?: Idempotency | undefined;
}

/** An entry that Redis has. */
export interface Published {
  /** The id of the entry: of the first one where it is a repeat. */
  readonly entryId: string;
  /** Whether it was there before, so that nothing was added: also when the earlier send was our own. */
  readonly isRepeat: boolean;
}

/** About what an event takes in memory in addition to its texts, in bytes. */
const OWN_BYTES = 256;

/** An event from when it is emitted until its emit ends. */
export class PendingEmit {
  /** Whether it was handed to a link: from then on Redis may have it. */
  wasSent = false;
  /** Whether its emit has ended. */
  isOver = false;
  /** About what it takes of the memory, in bytes. */
  readonly bytes: number;
  /** Whether it is an entry and nothing else. */
  readonly isPlain: boolean;
  readonly promise: Promise<Published>;
  /** Its fields, ready to be sent. */
  readonly entry: ReadyFields;
  private fulfil!: (published: Published) => void;
  private fail!: (error: unknown) => void;

  /** Called once, when it is over. */
  onEnd: ((emit: PendingEmit) => void) | undefined;
  /** Its time limit. */
  running: Running | undefined;

  constructor(
    readonly stream: string,
    readonly publication: Publication,
    wire: EmitWire,
  ) {
    const { fields, writes, idempotency } = publication;
    this.isPlain = writes.length === 0 && idempotency === undefined;
    this.entry = wire.ready(fields);
    this.bytes = OWN_BYTES + this.entry.bytes;
    this.promise = new Promise((resolve, reject) => {
      this.fulfil = resolve;
      this.fail = reject;
    });
  }

  resolve(published: Published): void {
    if (this.end()) this.fulfil(published);
  }

  reject(error: unknown): void {
    if (this.end()) this.fail(error);
  }

  private end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.onEnd?.(this);
    return true;
  }
}
