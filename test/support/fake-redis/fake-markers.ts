import { inProgress, type MarkerAnswer, type MarkerBroker, type MarkerClaim } from '../broker-port.js';
import { atOnce, type FakeCommands, PARKING } from './fake-commands.js';

export class FakeMarkers implements MarkerBroker {
  constructor(private readonly commands: FakeCommands) {}

  begin(stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]> {
    return atOnce(() => claims.map((claim) => this.beginOne(stream, claim)));
  }

  private beginOne(stream: string, { entry, marker }: MarkerClaim): MarkerAnswer {
    const refused = this.commands.refusal(stream, entry, this.commands.consumer);
    if (refused) return { state: refused };
    const value = this.commands.store.strings.get(marker) ?? '';
    if (value.startsWith('done:')) return { state: 'duplicate' };
    const [owner = '', count] = value.split(':');
    const row = owner === entry.id ? undefined : this.commands.rowOf(stream, owner);
    if (row && row.owner !== PARKING && row.count === Number(count)) {
      return { state: 'busy', idleMs: this.commands.store.now - row.deliveredAt };
    }
    this.commands.store.strings.set(marker, inProgress(entry));
    return { state: 'begun' };
  }
}
