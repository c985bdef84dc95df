import { inProgress, type MarkerAnswer, type MarkerBroker, type MarkerClaim } from '../broker-port.js';
import { atOnce, PARKING } from './fake-commands.js';
import { FakeRecovery } from './fake-recovery.js';

export abstract class FakeMarkers extends FakeRecovery implements MarkerBroker {
  begin(stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]> {
    return atOnce(() => claims.map((claim) => this.beginOne(stream, claim)));
  }

  private beginOne(stream: string, { entry, marker }: MarkerClaim): MarkerAnswer {
    const refused = this.refusal(stream, entry, this.consumer);
    if (refused) return { state: refused };
    const value = this.store.strings.get(marker) ?? '';
    if (value.startsWith('done:')) return { state: 'duplicate' };
    const [owner = '', count] = value.split(':');
    const row = owner === entry.id ? undefined : this.rowOf(stream, owner);
    if (row && row.owner !== PARKING && row.count === Number(count)) {
      return { state: 'busy', idleMs: this.store.now - row.deliveredAt };
    }
    this.store.strings.set(marker, inProgress(entry));
    return { state: 'begun' };
  }
}
