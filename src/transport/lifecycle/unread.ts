import type { UnreadSight } from '../redis/settlement.js';
import type { StreamBroker } from '../redis/port.js';
import type { Observers } from '../observe/observers.js';
import type { Source } from '../entry/delivery.js';
import { MissingPermissionError } from '../entry/client-errors.js';

/** What a process can say of what it has read. */
export interface ReadReport {
  /** Entries that were received since the process began to read. */
  readonly received: number;
  /** The last round that was known when the read that is under way began; every read before it is counted. */
  readonly round: number;
  /** Whether a read was lost that may have been given entries. */
  readonly isUnsure: boolean;
}

/**
 * Counts the entries that this process received. Redis cannot say how many it gave to a group; where more left the unread
 * part of a stream than its processes received, entries were lost.
 */
export class ReadTally {
  private received = 0;
  private round = 0;
  /** The round that was known when the read under way began. */
  private roundAtRead: number | undefined;
  private lostReads = 0;
  private reportedLostReads = 0;

  begin(): void {
    this.roundAtRead = this.round;
  }

  end(count: number): void {
    this.received += count;
    this.roundAtRead = undefined;
  }

  /** The answer of a read did not come: Redis may have given it entries all the same. */
  lost(): void {
    this.lostReads += 1;
    this.roundAtRead = undefined;
    this.round = 0;
  }

  /**
   * Reports with `send`.
   *
   * @param send - resolves with the round that Redis is in
   */
  async report(send: (report: ReadReport) => Promise<number>): Promise<void> {
    const { received, lostReads } = this;
    const round = this.roundAtRead ?? this.round;
    const answered = await send({ received, round, isUnsure: lostReads > this.reportedLostReads });
    this.reportedLostReads = Math.max(lostReads, this.reportedLostReads);
    if (lostReads === this.lostReads) this.round = answered;
  }
}

/** When a look is taken: whether reads go on meanwhile. */
export type LookMoment = 'before-reading' | 'while-reading' | 'after-reading';

/** What the watch over one stream works with. */
export interface UnreadWatchParts {
  readonly source: Source;
  readonly broker: Pick<StreamBroker, 'watchUnread'>;
  readonly observers: Observers;
  /** Called when Redis refuses to set a group right; a later look tries again. */
  readonly onFailure: (error: unknown) => void;
}

/** Entries of a stream that were lost before its group was given them, in all. */
export interface LostEntries {
  /** How many, at least, since the group was first watched. */
  readonly count: number;
  /** When the last loss was found, by the clock of Redis. */
  readonly lastAt: Date;
}

/** Notices that entries leave a stream before its group was given them, and that the group can be given none. */
export class UnreadWatch {
  readonly tally = new ReadTally();
  private found: LostEntries | undefined;

  constructor(private readonly parts: UnreadWatchParts) {}

  /** What was lost so far, whichever process noticed it. */
  get lost(): LostEntries | undefined {
    return this.found;
  }

  async look(moment: LookMoment): Promise<void> {
    const { source, broker } = this.parts;
    await this.tally.report(async (reads) => {
      // Dead letters leave their stream when they are replayed or discarded: that is wanted, and audited.
      const sight = await broker.watchUnread(source.stream, { ...reads, moment }, !source.isDeadLetterStream);
      this.report(sight);
      return sight.round;
    });
  }

  private report({ lost, beyondEnd, lostInAll }: UnreadSight): void {
    const { source, observers, onFailure } = this.parts;
    if (lostInAll) this.found = { count: lostInAll.count, lastAt: new Date(Date.now() - lostInAll.agoMs) };
    if (lost) observers.emit('lost', () => ({ ...source, ...lost }));
    if (!beyondEnd) return;
    const { from, to, refused } = beyondEnd;
    if (refused === undefined) observers.emit('group-set-back', () => ({ ...source, from, to }));
    else onFailure(cannotSetBack(source, to, refused));
  }
}

function cannotSetBack({ stream, group }: Source, to: string, refused: string): MissingPermissionError {
  return new MissingPermissionError(
    `Group "${group}" stands beyond the end of "${stream}", so that it is given nothing, and this Redis user may not ` +
      `set it back (${refused}). Grant it +xgroup|setid, or run: XGROUP SETID ${stream} ${group} ${to}`,
  );
}
