import type { SettlementBroker } from '../redis/port.js';
import type { Observers } from '../observe/observers.js';
import type { Delivery, Source } from '../entry/delivery.js';
import { replayFieldsOf, replayOf } from '../entry/decode.js';
import type { SettlementSteps } from './settlement-steps.js';

/** What a provenance works with. */
export interface ProvenanceParts {
  readonly source: Source;
  readonly broker: Pick<SettlementBroker, 'wasReplayed'>;
  readonly observers: Observers;
  readonly steps: SettlementSteps;
}

/**
 * Finds out who wrote the fields of an entry that only a replay writes: any producer can write them, and none is believed.
 */
export class Provenance {
  constructor(private readonly parts: ProvenanceParts) {}

  /**
   * Notes on a delivery that claims to be a replay what the replay wrote into its entry, if one did.
   *
   * @returns whether it is known in the end: not when the process ends first
   */
  async prove(delivery: Delivery): Promise<boolean> {
    const { source, broker, observers, steps } = this.parts;
    const { entry, deliveryCount } = delivery;
    const isProven = await steps.untilTaken(() => broker.wasReplayed(source.stream, entry.id));
    if (isProven === undefined) return false;
    if (isProven) delivery.replay = replayOf(entry);
    else if (deliveryCount === 1) {
      observers.emit('replay-fields-ignored', () => ({
        ...source,
        entryId: entry.id,
        fields: replayFieldsOf(entry),
      }));
    }
    return true;
  }
}
