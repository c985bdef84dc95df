import { StreamWrites } from './stream-writes.js';

/** Collects Redis writes that are applied together with the step that parks or dead-letters an entry. */
export class SettlementWrites extends StreamWrites {
  /**
   * Lets the step happen only if the hash has no such field by then. Otherwise the entry is acknowledged and nothing
   * else is done (event `duplicate`): what it brought has ended, through another entry.
   */
  onlyIfAbsent(key: string, field: string): this {
    return this.add('onlyifabsent', key, [field]);
  }
}
