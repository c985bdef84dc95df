import { performance } from 'node:perf_hooks';
import type { Commit, CommitAnswer } from '../broker/settlement.js';
import type { IdempotencyEnd } from '../idempotency/idempotency-store.js';
import type { Observers } from '../observe/observers.js';
import type { DeliveryEvent, FailedEvent, SettledEvent } from '../observe/transport-events.js';
import { CommitRefusedError } from '../protocol/errors/commit-refused.error.js';
import type { StreamNaming } from '../protocol/stream-key.js';
import type { DeliveryTracing } from '../tracing/delivery-tracing.js';
import { ATTRIBUTE } from '../tracing/message-attributes.js';
import type { Acknowledger } from './acknowledger.js';
import type { Committer } from './committer.js';
import { decodeFor } from './decode-delivery.js';
import { describeDelivery, describeSettled } from './describe-delivery.js';
import type { HeldEntry } from './held-entry.js';
import type { LateFinish } from './late-finish.js';
import type { OncePerKey } from './once-per-key.js';
import type { Provenance } from './provenance.js';
import { ReceivedEvent, type Source } from './received-event.js';
import type { Settler } from './settler.js';

/** How long an entry waits whose key was taken from it, in milliseconds. */
const SUPERSEDED_DELAY_MS = 100;

/** Gives an event to its handler. Settles as the handler does; `undefined` says that it has finished already. */
export type Dispatch = (event: ReceivedEvent) => Promise<void> | undefined;

/** What a processor works with. */
export interface ProcessorParts {
  readonly source: Source;
  readonly naming: StreamNaming;
  readonly dispatch: Dispatch;
  readonly provenance: Provenance;
  /** For a handler that is called once for each key. */
  readonly once: OncePerKey | undefined;
  readonly acknowledger: Acknowledger;
  readonly committer: Committer<HeldEntry>;
  readonly settler: Settler;
  readonly late: LateFinish;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  /** Limit on an entry's names and values together, in bytes. */
  readonly maxEntryBytes: number;
  readonly ackWaitMs: number;
}

/** How a delivery ended: `acknowledging` is under way, `settled`, or `ignored` because somebody else settles it. */
export type ProcessingEnd = 'acknowledging' | 'settled' | 'ignored';

/** The way of one delivery, fresh, retried or reclaimed: decode, dispatch, decide, settle. */
export class EntryProcessor {
  constructor(private readonly parts: ProcessorParts) {}

  /** Never rejects. @returns the end at once where nothing has to be waited for */
  process(held: HeldEntry): ProcessingEnd | Promise<ProcessingEnd> {
    const asked = this.parts.provenance.prove(held.delivery);
    return asked ? this.processProven(held, asked) : this.attempt(held);
  }

  /** Treats a delivery as failed, whatever its handler is still doing. Never rejects. */
  async fail(held: HeldEntry, error: unknown): Promise<ProcessingEnd> {
    if (!held.takeOutcome() || held.isLost) return 'ignored';
    await this.settleFailure(held, error);
    return 'settled';
  }

  /** Goes on with a delivery whose commit was answered. @returns undefined when that was all */
  committed(held: HeldEntry, answer: CommitAnswer): Promise<void> | undefined {
    const { tracing } = this.parts;
    if (tracing.isOn) return tracing.answered(held.delivery, async () => this.goOn(held, answer));
    return this.goOn(held, answer);
  }

  private async processProven(held: HeldEntry, asked: Promise<boolean>): Promise<ProcessingEnd> {
    const isKnown = await asked;
    if (held.isDecided) return 'ignored';
    if (isKnown) return this.attempt(held);
    // The process ends: the entry stays pending.
    held.takeOutcome();
    return 'settled';
  }

  private attempt(held: HeldEntry): ProcessingEnd | Promise<ProcessingEnd> {
    const { tracing } = this.parts;
    return tracing.isOn ? tracing.attempt(held.delivery, async () => this.run(held)) : this.run(held);
  }

  private run(held: HeldEntry): ProcessingEnd | Promise<ProcessingEnd> {
    const { source, naming, once, tracing, maxEntryBytes } = this.parts;
    const replayGroup = held.delivery.replay?.group;
    if (replayGroup !== undefined && replayGroup !== source.group) return this.skip(held, replayGroup);
    let event: ReceivedEvent;
    let handling: Promise<void> | undefined;
    try {
      const decoded = decodeFor(source, held.delivery.entry, maxEntryBytes);
      event = new ReceivedEvent(source, held.delivery, decoded, naming);
    } catch (error) {
      return this.fail(held, error);
    }
    held.event = event;
    tracing.received(held.delivery, event.retry);
    if (once) return this.handleOnce(once, held, event);
    try {
      handling = this.handle(held, event);
    } catch (error) {
      return this.failHandled(held, event, error);
    }
    return handling ? this.whenHandled(held, event, handling) : this.endHandled(held, event, undefined);
  }

  private async whenHandled(
    held: HeldEntry,
    event: ReceivedEvent,
    handling: Promise<void>,
  ): Promise<ProcessingEnd> {
    try {
      await handling;
    } catch (error) {
      return this.failHandled(held, event, error);
    }
    return this.endHandled(held, event, undefined);
  }

  private async handleOnce(once: OncePerKey, held: HeldEntry, event: ReceivedEvent): Promise<ProcessingEnd> {
    let end: IdempotencyEnd;
    try {
      end = await once.run(held, event, async () => this.handle(held, event));
    } catch (error) {
      return this.failHandled(held, event, error);
    }
    return this.endHandled(held, event, end);
  }

  private failHandled(held: HeldEntry, event: ReceivedEvent, error: unknown): Promise<ProcessingEnd> {
    event.end();
    return this.fail(held, error);
  }

  /** Its handler has succeeded, or was not called because of its key. */
  private endHandled(
    held: HeldEntry,
    event: ReceivedEvent,
    end: IdempotencyEnd | undefined,
  ): ProcessingEnd | Promise<ProcessingEnd> {
    event.end();
    if (!held.takeOutcome()) return 'ignored';
    if (end && end.outcome !== 'done') return this.passOver(held, end);
    event.guard = end?.guard;
    held.finishedAt = performance.now();
    if (this.mayBeTaken(held) && !event.transaction && !event.guard) return this.acknowledgeLate(held);
    const behind = this.succeed(held, event);
    return behind ? this.whenCaughtUp(held, behind) : 'acknowledging';
  }

  private async whenCaughtUp(held: HeldEntry, behind: Promise<void>): Promise<ProcessingEnd> {
    await behind;
    held.caughtUpAt = performance.now();
    return 'acknowledging';
  }

  /** Whether it was given to another process, or can have been, because the event loop stood still until now. */
  private mayBeTaken({ isLost, freshAt, finishedAt = Infinity }: HeldEntry): boolean {
    return isLost || finishedAt - freshAt > this.parts.ackWaitMs;
  }

  /** Its handler has succeeded here, perhaps before that of the process that it was given to. */
  private async acknowledgeLate(held: HeldEntry): Promise<ProcessingEnd> {
    if (await this.parts.late.acknowledge(held.id)) this.tellSuccess(held, false);
    return 'settled';
  }

  /** Another group failed at the entry and was given it again; here it was done. */
  private async skip(held: HeldEntry, replayGroup: string): Promise<ProcessingEnd> {
    if (!held.takeOutcome()) return 'ignored';
    const { source, observers, acknowledger, tracing } = this.parts;
    tracing.settled(held.delivery, 'skipped');
    observers.tell('skipped', () => ({ ...source, entryId: held.id, replayGroup }));
    await acknowledger.acknowledge(held.id);
    return 'acknowledging';
  }

  private goOn(held: HeldEntry, answer: CommitAnswer): Promise<void> | undefined {
    if (answer !== 'done' && answer !== 'duplicate') return this.goOnUncommitted(held, answer);
    this.tellSuccess(held, answer === 'duplicate');
    return undefined;
  }

  private async goOnUncommitted(
    held: HeldEntry,
    answer: Exclude<CommitAnswer, 'done' | 'duplicate'>,
  ): Promise<void> {
    const { observers, settler, tracing } = this.parts;
    if (answer === 'taken' && held.event) {
      const late = await this.parts.late.commit(commitOf(held, held.event));
      // Without an answer the process ends, and says what is left.
      if (late !== 'taken') return late && this.goOn(held, late);
    }
    if (typeof answer === 'object') {
      return this.settleFailure(held, new CommitRefusedError(held.id, answer.refused));
    }
    tracing.settled(held.delivery, 'commit-refused', { [ATTRIBUTE.settlement]: answer });
    observers.tell('commit-refused', () => ({ ...this.settled(held), settlement: answer }));
    // Nothing of it has happened, through no fault of the handler: the entry finds out what became of its key.
    if (answer === 'superseded') {
      await settler.putOff(held, SUPERSEDED_DELAY_MS);
      tracing.dueAgain(held.delivery, 'commit-refused', SUPERSEDED_DELAY_MS);
    }
    if (answer === 'vanished') {
      observers.tell('vanished', () => ({ ...this.parts.source, entryIds: [held.id] }));
      const refused = new CommitRefusedError(held.id, 'the entry was deleted while its handler ran');
      await tracing.failure(held.delivery, refused, () =>
        settler.settleVanished(held.delivery, this.failed(held, refused)),
      );
    }
  }

  private handle(held: HeldEntry, event: ReceivedEvent): Promise<void> | undefined {
    const { source, dispatch, observers } = this.parts;
    if (observers.hasAny('received')) {
      observers.tell('received', () => describeDelivery(source, held.delivery, event));
    }
    held.startedAt = performance.now();
    return dispatch(event);
  }

  /** Settles a delivery whose handler was not called. */
  private async passOver(
    held: HeldEntry,
    end: Exclude<IdempotencyEnd, { outcome: 'done' }>,
  ): Promise<ProcessingEnd> {
    const { source, acknowledger, observers, settler, tracing } = this.parts;
    const described = (): DeliveryEvent => describeDelivery(source, held.delivery, held.event);
    if (end.outcome === 'duplicate') {
      tracing.settled(held.delivery, 'duplicate');
      observers.tell('duplicate', described);
      await acknowledger.acknowledge(held.id);
      return 'acknowledging';
    }
    if (end.outcome === 'busy') {
      const { retryInMs: delayMs, cause } = end;
      if (cause !== undefined) await this.settleFailure(held, cause, delayMs);
      else {
        await settler.putOff(held, delayMs);
        tracing.dueAgain(held.delivery, 'duplicate-waiting', delayMs);
        observers.tell('duplicate-waiting', () => ({ ...described(), delayMs }));
      }
    }
    return 'settled';
  }

  /** @returns undefined, or while Redis lags behind a promise of its catching up */
  private succeed(held: HeldEntry, event: ReceivedEvent): Promise<void> | undefined {
    const { acknowledger, committer, tracing } = this.parts;
    const { transaction, guard } = event;
    if (transaction || guard) {
      tracing.handOn(held.delivery);
      return committer.commit(held, commitOf(held, event), transaction?.bytes ?? 0);
    }
    this.tellSuccess(held, false);
    held.letGo();
    return acknowledger.acknowledge(held.id);
  }

  private tellSuccess(held: HeldEntry, wasPrevented: boolean): void {
    const { observers, tracing } = this.parts;
    const outcome = wasPrevented || held.event?.isDuplicate === true ? 'duplicate' : 'processed';
    tracing.settled(held.delivery, outcome);
    if (observers.hasAny(outcome)) observers.tell(outcome, () => this.settled(held));
  }

  private settled(held: HeldEntry): SettledEvent {
    const { startedAt, finishedAt = performance.now() } = held;
    const durationMs = startedAt === undefined ? 0 : finishedAt - startedAt;
    return describeSettled(this.parts.source, held.delivery, held.event, durationMs);
  }

  private settleFailure(held: HeldEntry, error: unknown, storeAsksMs?: number): Promise<void> {
    const { settler, tracing } = this.parts;
    return tracing.failure(held.delivery, error, () =>
      settler.settleFailure(held.delivery, this.failed(held, error), storeAsksMs),
    );
  }

  private failed(held: HeldEntry, error: unknown): FailedEvent {
    const failed = { ...this.settled(held), error };
    this.parts.observers.tell('failed', () => failed);
    return failed;
  }
}

/** What the handler collected, and what must hold for it to count. */
function commitOf({ id, deliveryCount }: HeldEntry, { transaction, guard }: ReceivedEvent): Commit {
  return {
    entry: { id, deliveryCount },
    writes: transaction?.list() ?? [],
    emits: transaction?.emits ?? [],
    guard,
  };
}
