import { performance } from 'node:perf_hooks';
import type { Claim } from '../redis/settlement.js';
import type { StreamBroker } from '../redis/port.js';
import { Delivery, type EntryRef, type Origin } from '../entry/delivery.js';
import { AbandonedEntryError } from '../entry/errors.js';
import type { DeliveryTracing } from '../observe/delivery-tracing.js';
import type { Decider } from './decider.js';
import type { InFlight } from './in-flight.js';
import type { Provenance } from './provenance.js';
import type { Settler } from './settle.js';
import type { Slots } from './slots.js';

/** How long running handlers are waited for, in milliseconds; nothing else starts meanwhile. */
const PATIENCE_MS = 1_000;
/** Pause after a wait in vain, in milliseconds; twice as long each time. */
const FIRST_PAUSE_MS = 1_000;
/** After this number of waits in vain a suspect is given to a handler while others run: better than never. */
const MOST_ATTEMPTS = 5;
/** For how long suspects are run one after the other before others get their turn, in milliseconds. */
const SESSION_MS = 500;

/** What the treatment of crash suspects works with. */
export interface SuspectRunnerParts {
  readonly origin: Origin;
  readonly broker: StreamBroker;
  readonly inFlight: InFlight;
  readonly decider: Decider;
  readonly settler: Settler;
  readonly tracing: DeliveryTracing;
  readonly provenance: Provenance;
  readonly slots: Slots;
  readonly maxEntryBytes: number;
  /** Takes on what was claimed; reports what was found deleted. */
  readonly takeOn: (claim: Claim) => void;
  /** Called when Redis refuses a step; a later run tries again. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Treats entries that may be what kills their processes. Each runs with nothing else, so that if it does kill the
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
    if (this.session || this.parts.inFlight.isClosing() || performance.now() < this.pauseUntil) return;
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

  /**
   * Ends an entry that was abandoned when it ran alone; it is neither claimed nor run.
   *
   * @returns `run` where it was claimed for one more run; `left` where it stays as it is
   */
  async end(suspect: EntryRef, owner: string, leastIdleMs: number): Promise<'ended' | 'run' | 'left'> {
    const { origin, broker, decider, settler, provenance, tracing, maxEntryBytes } = this.parts;
    const entry = await broker.readEntry(origin.source.stream, suspect.id);
    // Claiming is what takes a deleted entry off the pending list.
    if (!entry) return this.claim(suspect, owner, leastIdleMs);
    const delivered = { entry, deliveryCount: suspect.deliveryCount };
    const delivery = new Delivery(origin, delivered, performance.now(), { owner, leastIdleMs });
    if (delivery.claimsReplay && !(await provenance.prove(delivery))) return 'left';
    try {
      delivery.decode(maxEntryBytes);
    } catch {
      // It is dead-lettered whatever it holds.
    }
    delivery.fail(new AbandonedEntryError(suspect.deliveryCount), performance.now());
    const end = await tracing.abandoned(delivery, async () => {
      const ending = await decider.afterAbandonment(delivery);
      if (ending.action === 'retry') return 'run';
      const settlement = await settler.settle(delivery, ending);
      return settlement === 'done' || settlement === 'duplicate' ? 'ended' : 'left';
    });
    return end === 'run' ? this.claim(suspect, owner, leastIdleMs) : end;
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await this.session;
  }

  /** The process ends while a suspect runs: that is not the suspect's doing. */
  async absolve(): Promise<void> {
    if (this.current) await this.parts.broker.unmarkAlone(this.parts.origin.source.stream, this.current);
  }

  private async claim(suspect: EntryRef, owner: string, leastIdleMs: number): Promise<'run'> {
    const { origin, broker, takeOn } = this.parts;
    takeOn(await broker.claimAbandoned(origin.source.stream, owner, leastIdleMs, [suspect]));
    return 'run';
  }

  private async runSession(suspects: readonly EntryRef[], owner: string, leastIdleMs: number): Promise<void> {
    const { slots } = this.parts;
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
    const [first] = suspects;
    if (first) await this.claim(first, owner, leastIdleMs);
  }

  private async runEach(suspects: readonly EntryRef[], owner: string, leastIdleMs: number): Promise<void> {
    const { broker, origin, inFlight, takeOn } = this.parts;
    const { stream } = origin.source;
    const end = performance.now() + SESSION_MS;
    for (const suspect of suspects) {
      if (inFlight.isClosing() || performance.now() >= end) return;
      const { entries, vanished } = await broker.claimAbandoned(stream, owner, leastIdleMs, [suspect]);
      takeOn({ entries: [], vanished });
      for (const delivery of entries) {
        const ref = { id: delivery.entry.id, deliveryCount: delivery.deliveryCount };
        // The mark comes last before the handler: a claim whose answer was lost has run nothing.
        const marked = await broker.markAlone(stream, ref).then(
          () => true,
          () => false,
        );
        if (!marked || inFlight.isClosing()) {
          await broker.unmarkAlone(stream, ref).catch(this.parts.onFailure);
          takeOn({ entries: [delivery], vanished: [] });
          return;
        }
        this.current = ref;
        await inFlight.processAlone(delivery);
        this.current = undefined;
        this.ran += 1;
      }
    }
  }
}
