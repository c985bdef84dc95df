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
