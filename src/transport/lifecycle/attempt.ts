import { performance } from 'node:perf_hooks';
import type { IdempotencyEnd } from '../idempotency/idempotency-store.js';
import { deliveryEvent, type Observers } from '../observe/observers.js';
import type { Ending } from '../policy/ending.js';
import type { Delivery } from '../entry/delivery.js';
import type { BigNumbers } from '../entry/payload-json.js';
import type { DeliveryTracing } from '../observe/delivery-tracing.js';
import type { OncePerKey } from './once-per-key.js';
import type { Provenance } from './provenance.js';
import type { Settler } from './settle.js';

const PROCESSED: Ending = { action: 'ack', as: 'processed' };
const DUPLICATE: Ending = { action: 'ack', as: 'duplicate' };
const SKIPPED: Ending = { action: 'ack', as: 'skipped' };
const COMMIT: Ending = { action: 'commit' };
const LEAVE: Ending = { action: 'leave' };

/** Gives a delivery to its handler. Settles as the handler does; `undefined` says that it has finished already. */
export type Dispatch = (delivery: Delivery) => Promise<void> | undefined;

/** What attempts work with. */
export interface AttemptParts {
  readonly group: string;
  readonly dispatch: Dispatch;
  readonly provenance: Provenance;
  /** For a handler that is called once for each key. */
  readonly once: OncePerKey | undefined;
  readonly settler: Settler;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  /** Limit on an entry's names and values together, in bytes. */
  readonly maxEntryBytes: number;
  /** What numbers of a payload beyond 2^53 - 1 become; rounded where it is undefined. */
  readonly bigNumbers: BigNumbers | undefined;
}

type Running = Promise<unknown> | undefined;

/** The way of one delivery, fresh, retried or reclaimed, through its handler to its ending. */
export class Attempts {
  constructor(private readonly parts: AttemptParts) {}

  /** @returns undefined where nothing has to be waited for; else a promise that resolves when its slot is free */
  run(delivery: Delivery): Running {
    return delivery.claimsReplay ? this.runProven(delivery) : this.runTraced(delivery);
  }

  /** Ends a delivery as failed, whatever its handler is still doing. */
  async fail(delivery: Delivery, error: unknown): Promise<void> {
    if (delivery.takeEnding() && !delivery.isLost) await this.parts.settler.fail(delivery, error);
  }

  private async runProven(delivery: Delivery): Promise<void> {
    const isKnown = await this.parts.provenance.prove(delivery);
    if (delivery.isDecided) return;
    if (isKnown) await this.runTraced(delivery);
    // The process ends: the entry stays pending.
    else await this.end(delivery, LEAVE);
  }

  private runTraced(delivery: Delivery): Running {
    const { tracing } = this.parts;
    return tracing.isOn
      ? tracing.attempt(delivery, async () => this.runProved(delivery))
      : this.runProved(delivery);
  }

  private runProved(delivery: Delivery): Running {
    const { group, once, tracing, maxEntryBytes, bigNumbers } = this.parts;
    const replayGroup = delivery.replay?.group;
    // Another group failed at the entry and was given it again; here it was done.
    if (replayGroup !== undefined && replayGroup !== group) return this.end(delivery, SKIPPED);
    try {
      const unreadable = delivery.decode(maxEntryBytes, bigNumbers);
      if (unreadable !== undefined) this.sayLeftOut(delivery, unreadable);
    } catch (error) {
      return this.fail(delivery, error);
    }
    tracing.received(delivery);
    return once ? this.handleOnce(once, delivery) : this.handle(delivery);
  }

  private sayLeftOut({ source, id, deliveryCount }: Delivery, headers: readonly string[]): void {
    if (deliveryCount !== 1) return;
    this.parts.observers.emit('headers-left-out', () => ({ ...source, entryId: id, headers }));
  }

  private handle(delivery: Delivery): Running {
    let handling: Promise<void> | undefined;
    try {
      handling = this.call(delivery);
    } catch (error) {
      return this.failHandled(delivery, error);
    }
    return handling ? this.whenHandled(delivery, handling) : this.succeed(delivery);
  }

  private async whenHandled(delivery: Delivery, handling: Promise<void>): Promise<void> {
    try {
      await handling;
    } catch (error) {
      return this.failHandled(delivery, error);
    }
    await this.succeed(delivery);
  }

  private async handleOnce(once: OncePerKey, delivery: Delivery): Promise<void> {
    let end: IdempotencyEnd;
    try {
      end = await once.run(delivery, async () => this.call(delivery));
    } catch (error) {
      return this.failHandled(delivery, error);
    }
    if (end.outcome !== 'done') return this.passOver(delivery, end);
    delivery.guard = end.guard;
    await this.succeed(delivery);
  }

  private call(delivery: Delivery): Promise<void> | undefined {
    const { dispatch, observers } = this.parts;
    if (observers.hasAny('received')) observers.emit('received', () => deliveryEvent(delivery));
    delivery.startedAt = performance.now();
    return dispatch(delivery);
  }

  private failHandled(delivery: Delivery, error: unknown): Promise<void> {
    delivery.closeCommit();
    return this.fail(delivery, error);
  }

  /** Its handler has succeeded. */
  private succeed(delivery: Delivery): Running {
    delivery.closeCommit();
    if (!delivery.takeEnding()) return undefined;
    delivery.finishedAt = performance.now();
    const hasWrites = delivery.transaction !== undefined || delivery.guard !== undefined;
    const ending = delivery.isDuplicate ? DUPLICATE : PROCESSED;
    return this.parts.settler.settle(delivery, hasWrites ? COMMIT : ending);
  }

  /** Its handler was not called, or what it did is undone. */
  private async passOver(
    delivery: Delivery,
    end: Exclude<IdempotencyEnd, { outcome: 'done' }>,
  ): Promise<void> {
    delivery.closeCommit();
    if (end.outcome === 'duplicate') await this.end(delivery, DUPLICATE);
    else if (end.outcome === 'lost') await this.end(delivery, LEAVE);
    else if (end.cause === undefined) {
      await this.end(delivery, { action: 'defer', as: 'duplicate-waiting', delayMs: end.retryInMs });
    } else if (delivery.takeEnding()) await this.parts.settler.fail(delivery, end.cause, end.retryInMs);
  }

  private end(delivery: Delivery, ending: Ending): Running {
    return delivery.takeEnding() ? this.parts.settler.settle(delivery, ending) : undefined;
  }
}
