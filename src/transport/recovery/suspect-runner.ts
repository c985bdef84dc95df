import { performance } from 'node:perf_hooks';
import type { Claim, EntryRef } from '../broker/settlement.js';
import type { StreamBroker } from '../broker/stream-broker.js';
import { decodeFor } from '../delivery/decode-delivery.js';
import { describeDelivery } from '../delivery/describe-delivery.js';
import { ReceivedEvent, type Source } from '../delivery/received-event.js';
import type { Provenance } from '../delivery/provenance.js';
import type { AbandonedEnd, Settler } from '../delivery/settler.js';
import type { Slots } from '../delivery/slots.js';
import type { StreamConsumer } from '../delivery/stream-consumer.js';
import type { FailedEvent } from '../observe/transport-events.js';
import type { Delivery } from '../protocol/entry.js';
import { AbandonedEntryError } from '../protocol/errors/abandoned-entry.error.js';

/** How long running handlers are waited for, in milliseconds; nothing else starts meanwhile. */
const PATIENCE_MS = 1_000;
/** Pause after a wait in vain, in milliseconds; twice as long each time. */
const FIRST_PAUSE_MS = 1_000;
/** So many waits in vain, and a suspect is given to a handler beside others: better than never. */
const MOST_ATTEMPTS = 5;
/** For how long suspects are run one after the other before others get their turn, in milliseconds. */
const SESSION_MS = 500;

/** What the treatment of crash suspects works with. */
export interface SuspectRunnerParts {
  readonly source: Source;
  readonly broker: StreamBroker;
  readonly consumer: StreamConsumer;
  readonly settler: Settler;
  readonly provenance: Provenance;
  readonly slots: Slots;
  readonly maxEntryBytes: number;
  /** Takes on what was claimed; tells of what was found deleted. */
  readonly takeOn: (claim: Claim) => void;
  /** Told when Redis refuses a step; a later run tries again. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Treats entries that may be what kills their processes. Each runs with nothing beside it, so that if it does kill the
 * process no other entry is charged, and so that only the killer is ever condemned.
 */
export class SuspectRunner {
  private session: Promise<void> | undefined;
  private current: EntryRef | undefined;
  private vainAttempts = 0;
  private pauseUntil = 0;
  private ran = 0;

  constructor(private readonly parts: SuspectRunnerParts) {}

  /** Begins to run suspects one after the other, unless that is under way. The recovery goes on meanwhile. */
  runAlone(suspects: readonly EntryRef[], owner: string, leastIdleMs: number): void {
    if (this.session || this.parts.consumer.isClosing() || performance.now() < this.pauseUntil) return;
    this.session = this.runSession(suspects, owner, leastIdleMs)
      .catch(this.parts.onFailure)
      .finally(() => {
        this.session = undefined;
      });
  }

  /** How many have run since this was last asked. */
  takeRan(): number {
    const { ran } = this;
    this.ran = 0;
    return ran;
  }

  /** Ends an entry that was abandoned when it ran alone; it is neither claimed nor run. */
  async end(suspect: EntryRef, owner: string, leastIdleMs: number): Promise<AbandonedEnd> {
    const { source, broker, settler, provenance, maxEntryBytes, takeOn } = this.parts;
    const entry = await broker.readEntry(source.stream, suspect.id);
    if (!entry) {
      // Claiming is what takes a deleted entry off the pending list.
      takeOn(await broker.claimAbandoned(source.stream, owner, leastIdleMs, [suspect]));
      return 'retry';
    }
    const delivery: Delivery = { entry, deliveryCount: suspect.deliveryCount };
    if ((await provenance.prove(delivery)) === false) return 'left';
    const failed: FailedEvent = {
      ...describeDelivery(source, delivery, decodedOrNothing(source, delivery, maxEntryBytes)),
      durationMs: 0,
      error: new AbandonedEntryError(suspect.deliveryCount),
    };
    const end = await settler.endAbandoned(delivery, failed, { owner, leastIdleMs });
    if (end === 'retry') takeOn(await broker.claimAbandoned(source.stream, owner, leastIdleMs, [suspect]));
    return end;
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await this.session;
  }

  /** The process ends while a suspect runs: that is not the suspect's doing. */
  async absolve(): Promise<void> {
    if (this.current) await this.parts.broker.unmarkAlone(this.parts.source.stream, this.current);
  }

  private async runSession(suspects: readonly EntryRef[], owner: string, leastIdleMs: number): Promise<void> {
    const { broker, source, slots, takeOn } = this.parts;
    const outcome = await slots.alone(PATIENCE_MS, () => this.runEach(suspects, owner, leastIdleMs));
    if (outcome === 'busy') return;
    if (outcome === 'ran') {
      this.vainAttempts = 0;
      return;
    }
    this.vainAttempts += 1;
    this.pauseUntil = performance.now() + FIRST_PAUSE_MS * 2 ** this.vainAttempts;
    if (this.vainAttempts < MOST_ATTEMPTS) return;
    this.vainAttempts = 0;
    takeOn(await broker.claimAbandoned(source.stream, owner, leastIdleMs, suspects.slice(0, 1)));
  }

  private async runEach(suspects: readonly EntryRef[], owner: string, leastIdleMs: number): Promise<void> {
    const { broker, source, consumer, takeOn } = this.parts;
    const { stream } = source;
    const end = performance.now() + SESSION_MS;
    for (const suspect of suspects) {
      if (consumer.isClosing() || performance.now() >= end) return;
      const { entries, vanished } = await broker.claimAbandoned(stream, owner, leastIdleMs, [suspect]);
      takeOn({ entries: [], vanished });
      for (const delivery of entries) {
        const ref = { id: delivery.entry.id, deliveryCount: delivery.deliveryCount };
        // The mark comes last before the handler: a claim whose answer was lost has run nothing.
        const marked = await broker.markAlone(stream, ref).then(
          () => true,
          () => false,
        );
        if (!marked || consumer.isClosing()) {
          await broker.unmarkAlone(stream, ref).catch(this.parts.onFailure);
          takeOn({ entries: [delivery], vanished: [] });
          return;
        }
        this.current = ref;
        await consumer.processAlone(delivery);
        this.current = undefined;
        this.ran += 1;
      }
    }
  }
}

function decodedOrNothing(
  source: Source,
  delivery: Delivery,
  maxEntryBytes: number,
): ReceivedEvent | undefined {
  try {
    return new ReceivedEvent(source, delivery, decodeFor(source, delivery.entry, maxEntryBytes));
  } catch {
    return undefined; // It is dead-lettered whatever it holds.
  }
}
