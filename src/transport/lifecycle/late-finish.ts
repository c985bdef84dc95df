import type { Commit, FollowUpLimits, Settlement } from '../redis/settlement.js';
import type { SettlementBroker } from '../redis/port.js';
import type { SettlementSteps } from './settlement-steps.js';

/** The lane of its receipts, apart from the four of the committer. */
const LANE = 4;
/** How often the entry may be given on while this process tries to end it. */
const MOST_TRIES = 5;

/** What late finishes work with. */
export interface LateFinishParts {
  readonly broker: Pick<SettlementBroker, 'settle' | 'commit' | 'pendingAs'>;
  readonly stream: string;
  readonly followUps: FollowUpLimits;
  readonly steps: SettlementSteps;
}

/**
 * Ends entries whose handler finished after they were given to another process, which happens when it blocks the event
 * loop for longer than the ack wait. A run that ends well counts if no later one has ended: without that, a handler that takes so long in
 * every process would be repeated until its entry passes for one that kills its processes.
 */
export class LateFinish {
  private sequence = 0;
  /** Calls in one lane follow each other. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: LateFinishParts) {}

  /**
   * Acknowledges in the name of whoever has the entry now.
   *
   * @returns whether it did: not where the entry has ended, or waits for a retry because a later run has failed
   */
  async acknowledge(id: string): Promise<boolean> {
    const { broker, stream, steps } = this.parts;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const holder = await steps.untilTaken(() => broker.pendingAs(stream, id));
      if (!holder) return false;
      const { owner, deliveryCount } = holder;
      const settlement = await steps.untilTaken(() => broker.settle(stream, { id, deliveryCount }, owner));
      if (settlement !== 'taken') return settlement === 'done';
    }
    return false;
  }

  /**
   * Commits in the name of whoever has the entry now: what that one commits later finds it settled.
   *
   * @returns undefined when the process ends before Redis has answered: the entry may be delivered again
   */
  commit(commit: Commit): Promise<Settlement | undefined> {
    const answer = this.last.then(() => this.commitInTurn(commit));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  private async commitInTurn(commit: Commit): Promise<Settlement | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const answer = await this.commitOnce(commit);
      if (answer !== 'taken') return answer;
    }
    return 'taken';
  }

  private async commitOnce(commit: Commit): Promise<Settlement | undefined> {
    const { broker, stream, steps } = this.parts;
    const { id } = commit.entry;
    const holder = await steps.untilTaken(() => broker.pendingAs(stream, id));
    if (!holder) return steps.hasGivenUp ? undefined : 'gone';
    const { owner, deliveryCount } = holder;
    // Each delivery passes the marker of an idempotency key on to itself when it begins, which those after this one may
    // not have done yet.
    for (let count = deliveryCount; count > commit.entry.deliveryCount; count -= 1) {
      const answer = await this.send(commit, owner, deliveryCount, `${id}:${count}`);
      if (!commit.guard || answer !== 'superseded') return answer;
    }
    return this.send(commit, owner, deliveryCount, commit.guard?.expected);
  }

  private async send(
    commit: Commit,
    owner: string,
    deliveryCount: number,
    expected = '',
  ): Promise<Settlement | undefined> {
    const { broker, stream, followUps, steps } = this.parts;
    const { guard, entry } = commit;
    const late = {
      ...commit,
      entry: { id: entry.id, deliveryCount },
      guard: guard && { ...guard, expected },
    };
    this.sequence += 1;
    const { sequence } = this;
    const batch = { lane: LANE, sequence, commits: [late], followUps, owner };
    const answers = await steps.untilTaken(() => broker.commit(stream, batch));
    return answers && (answers[0] ?? 'gone');
  }
}
