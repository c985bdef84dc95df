import { performance } from 'node:perf_hooks';
import { Batches } from '../redis/batches.js';
import { isAboutCommand } from '../redis/redis-failure.js';
import type { Commit, FollowUpLimits, Settlement } from '../redis/settlement.js';
import { eventOf, failedEvent } from '../observe/observers.js';
import type { DeferEnding, Ending } from '../policy/ending.js';
import { refOf, type Delivery, type Source } from '../entry/delivery.js';
import { CommitRefusedError } from '../entry/errors.js';
import type { EndFacts } from '../observe/delivery-tracing.js';
import type { Decider } from './decider.js';
import { eventAfter, eventAfterCommit, type EndEvent, type WrittenEnding } from './ending-events.js';
import { LateFinish } from './late-finish.js';
import { writeEnding, type WriteParts } from './write-ending.js';

/** Redis serves nobody else while a call runs; from `unsettled` on a handler's slot stays taken. */
const ACKNOWLEDGEMENTS = { items: 1_000, unsettled: 2_000 };
const COMMITS = {
  ...{ items: 128, bytes: 262_144, lanes: 4 },
  ...{ unsettled: 2_000, unsettledBytes: 67_108_864 },
};
/** How long an entry waits whose marker was taken over by another delivery, in milliseconds. */
const SUPERSEDED: DeferEnding = { action: 'defer', as: 'superseded', delayMs: 100 };

/** What settling works with. */
export interface SettlerParts extends WriteParts {
  readonly source: Source;
  readonly followUps: FollowUpLimits;
  readonly decider: Decider;
  readonly ackWaitMs: number;
  /** Called when nothing more is to be done about a delivery here. */
  readonly onOver: (delivery: Delivery) => void;
  /** Called when Redis refuses a step, which is tried again, and with what else goes wrong apart from the handler. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Carries endings out. Nothing else ends a delivery in Redis, and nothing else says how one ended. Trouble of Redis is
 * no failure of the handler: what it refuses is tried again until the process ends.
 */
export class Settler {
  private readonly acknowledgements: Batches<Delivery, unknown>;
  private readonly commits: Batches<Delivery, Settlement>;
  private readonly late: LateFinish;

  constructor(private readonly parts: SettlerParts) {
    const { broker, source, followUps, steps, onOver, onFailure } = parts;
    const { stream } = source;
    this.late = new LateFinish({ broker, stream, followUps, steps });
    this.acknowledgements = new Batches<Delivery, unknown>({
      limits: ACKNOWLEDGEMENTS,
      send: async (deliveries) => {
        await broker.acknowledge(
          stream,
          deliveries.map(({ id }) => id),
        );
        return [];
      },
      onAnswers: (deliveries) => deliveries.forEach(onOver),
      onRefused: (error) => {
        onFailure(error);
        return 'again';
      },
    });
    this.commits = new Batches({
      limits: COMMITS,
      bytesOf: ({ transaction }) => transaction?.bytes ?? 0,
      send: (deliveries, lane, sequence) =>
        broker.commit(stream, { lane, sequence, commits: deliveries.map(commitOf), followUps }),
      onAnswers: (deliveries, answers) =>
        deliveries.forEach((delivery, i) => this.answered(delivery, answers[i] ?? 'gone')),
      onRefused: (error, count) => {
        if (isAboutCommand(error)) {
          // One commit must not harm the others: what Redis will not even begin is sent piece by piece.
          if (count > 1) return 'apart';
          return { answer: { refused: error instanceof Error ? error.message : String(error) } };
        }
        onFailure(error);
        return 'again';
      },
    });
  }

  /**
   * Carries an ending out. The right to end the delivery must have been taken.
   *
   * @returns undefined where nothing has to be waited for; else a promise of what Redis answered, or of its catching up
   * with what is on its way; it resolves with undefined when the process ends first
   */
  settle(delivery: Delivery, ending: Ending): Promise<Settlement | undefined> | undefined {
    switch (ending.action) {
      case 'ack':
        return this.acknowledge(delivery, ending.as);
      case 'commit':
        this.parts.tracing.handOn(delivery);
        return whenCaughtUp(delivery, this.commits.add(delivery));
      case 'leave':
        this.parts.onOver(delivery);
        return undefined;
      default:
        return this.write(delivery, ending).finally(() => this.parts.onOver(delivery));
    }
  }

  /** Notes a failure, and settles the delivery as is decided about it. The right to end it must have been taken. */
  fail(delivery: Delivery, error: unknown, storeAsksMs?: number): Promise<void> {
    const { decider, tracing } = this.parts;
    return tracing.failure(delivery, error, async () => {
      this.noteFailure(delivery, error);
      await this.settle(delivery, await decider.afterFailure(delivery, storeAsksMs));
    });
  }

  /** Hands entries that no handler was given back, uncharged, for other processes to take. */
  async handBack(deliveries: readonly Delivery[]): Promise<void> {
    const { broker, source } = this.parts;
    await broker.release(source.stream, deliveries.map(refOf));
  }

  /** Stops trying; what is not settled stays pending. */
  giveUp(): void {
    this.acknowledgements.giveUp();
    this.commits.giveUp();
  }

  private acknowledge(
    delivery: Delivery,
    as: 'processed' | 'duplicate' | 'skipped',
  ): Promise<undefined> | undefined {
    if (this.mayBeTaken(delivery)) return this.acknowledgeLate(delivery, as);
    this.report(delivery, as);
    delivery.letGo();
    return whenCaughtUp(delivery, this.acknowledgements.add(delivery));
  }

  /** Whether it was given to another process, or can have been, because the event loop stood still until now. */
  private mayBeTaken({ isLost, freshAt, finishedAt }: Delivery): boolean {
    return finishedAt !== undefined && (isLost || finishedAt - freshAt > this.parts.ackWaitMs);
  }

  /** Its handler has succeeded here, perhaps before that of the process that it was given to. */
  private async acknowledgeLate(delivery: Delivery, as: EndEvent): Promise<undefined> {
    if (await this.late.acknowledge(delivery.id)) this.report(delivery, as);
    this.parts.onOver(delivery);
  }

  private answered(delivery: Delivery, settlement: Settlement): void {
    const { tracing, onFailure, onOver } = this.parts;
    let rest: Promise<void> | undefined;
    try {
      rest = tracing.isOn
        ? tracing.answered(delivery, async () => this.committed(delivery, settlement))
        : this.committed(delivery, settlement);
    } catch (error) {
      onFailure(error);
    }
    if (rest) void rest.catch(onFailure).finally(() => onOver(delivery));
    else onOver(delivery);
  }

  private committed(delivery: Delivery, settlement: Settlement): Promise<void> | undefined {
    if (settlement !== 'done' && settlement !== 'duplicate')
      return this.goOnUncommitted(delivery, settlement);
    this.report(delivery, delivery.isDuplicate ? 'duplicate' : eventAfterCommit(settlement));
    return undefined;
  }

  private async goOnUncommitted(delivery: Delivery, settlement: Settlement): Promise<void> {
    const { observers, tracing, decider, source } = this.parts;
    if (settlement === 'taken') {
      const late = await this.late.commit(commitOf(delivery));
      // Without an answer the process ends, and says what is left.
      if (late !== 'taken') return late && this.committed(delivery, late);
    }
    if (typeof settlement === 'object') {
      return this.fail(delivery, new CommitRefusedError(delivery.id, settlement.refused));
    }
    this.report(delivery, eventAfterCommit(settlement), { settlement });
    // Nothing of it has happened, through no fault of the handler: the entry finds out what became of its key.
    if (settlement === 'superseded') {
      await this.settle(delivery, SUPERSEDED);
      tracing.ended(delivery, 'commit-refused', { settlement, delayMs: SUPERSEDED.delayMs });
    }
    if (settlement === 'vanished') {
      const refused = new CommitRefusedError(delivery.id, 'the entry was deleted while its handler ran');
      await tracing.failure(delivery, refused, async () => {
        this.noteFailure(delivery, refused);
        const ending = await decider.afterDeletion(delivery);
        // The move to the dead letters finds the entry deleted, and says so by itself.
        if (ending.action !== 'dead-letter') {
          observers.emit('vanished', () => ({ ...source, entryIds: [delivery.id] }));
        }
        await this.settle(delivery, ending);
      });
    }
  }

  private async write(delivery: Delivery, ending: WrittenEnding): Promise<Settlement | undefined> {
    const written = await writeEnding(delivery, ending, this.parts);
    if (!written) return undefined;
    const { settlement, facts } = written;
    if (settlement === 'vanished' && ending.action === 'retry') {
      return this.settle(delivery, await this.parts.decider.afterDeletion(delivery));
    }
    const event = eventAfter(ending, settlement);
    if (event) this.report(delivery, event, event === 'duplicate' ? undefined : facts);
    return settlement;
  }

  private noteFailure(delivery: Delivery, error: unknown): void {
    delivery.fail(error, performance.now());
    this.parts.observers.emit('failed', () => failedEvent(delivery));
  }

  /** Says how a delivery ended: to the observers, who log and count, and to its span. */
  private report(delivery: Delivery, event: EndEvent, facts?: EndFacts): void {
    const { observers, tracing, source } = this.parts;
    tracing.ended(delivery, event, facts);
    if (!observers.hasAny(event)) return;
    if (event === 'skipped') {
      const replayGroup = delivery.replay?.group ?? '';
      observers.emit(event, () => ({ ...source, entryId: delivery.id, replayGroup }));
    } else {
      observers.emit(event, () => (facts ? { ...eventOf(delivery), ...facts } : eventOf(delivery)));
    }
  }
}

/** What the handler collected, and what must hold for it to count. */
function commitOf(delivery: Delivery): Commit {
  const { transaction, guard } = delivery;
  return {
    entry: refOf(delivery),
    writes: transaction?.list() ?? [],
    emits: transaction?.emits ?? [],
    guard,
  };
}

function whenCaughtUp(delivery: Delivery, behind: Promise<void> | undefined): Promise<undefined> | undefined {
  return behind?.then(() => {
    delivery.caughtUpAt = performance.now();
    return undefined;
  });
}
