import type {
  GroupStart,
  MarkerBroker,
  Obstacle,
  RecoveryBroker,
  SettlementBroker,
  StreamBroker,
  StreamEntry,
  StreamReader,
} from '../broker-port.js';
import { compareIds } from './entry-ids.js';
import { atOnce, type FakeCommands } from './fake-commands.js';
import { FakeMarkers } from './fake-markers.js';
import { FakeRecovery } from './fake-recovery.js';
import { FakeSettlement } from './fake-settlement.js';
import { FakeGroup } from './fake-store.js';

/** A {@link StreamBroker} in memory. The contract suite holds it to what the one on Redis does. */
export class FakeStreamBroker implements StreamBroker {
  readonly acknowledge: StreamBroker['acknowledge'] = (...args) => this.settlement.acknowledge(...args);
  readonly commit: StreamBroker['commit'] = (...args) => this.settlement.commit(...args);
  readonly pendingAs: StreamBroker['pendingAs'] = (...args) => this.settlement.pendingAs(...args);
  readonly park: StreamBroker['park'] = (...args) => this.settlement.park(...args);
  readonly wasReplayed: StreamBroker['wasReplayed'] = (...args) => this.settlement.wasReplayed(...args);
  readonly deadLetter: StreamBroker['deadLetter'] = (...args) => this.settlement.deadLetter(...args);
  readonly settle: StreamBroker['settle'] = (...args) => this.settlement.settle(...args);
  readonly release: StreamBroker['release'] = (...args) => this.settlement.release(...args);
  readonly putOff: StreamBroker['putOff'] = (...args) => this.settlement.putOff(...args);
  readonly readPutOffs: StreamBroker['readPutOffs'] = (...args) => this.settlement.readPutOffs(...args);
  readonly readErrorStreak: StreamBroker['readErrorStreak'] = (...args) =>
    this.settlement.readErrorStreak(...args);
  readonly errorStreakWrites: StreamBroker['errorStreakWrites'] = (...args) =>
    this.settlement.errorStreakWrites(...args);
  readonly extend: StreamBroker['extend'] = (...args) => this.settlement.extend(...args);

  readonly claimDue: StreamBroker['claimDue'] = (...args) => this.recovery.claimDue(...args);
  readonly consumers: StreamBroker['consumers'] = (...args) => this.recovery.consumers(...args);
  readonly pendingOf: StreamBroker['pendingOf'] = (...args) => this.recovery.pendingOf(...args);
  readonly readEntry: StreamBroker['readEntry'] = (...args) => this.recovery.readEntry(...args);
  readonly claimAbandoned: StreamBroker['claimAbandoned'] = (...args) =>
    this.recovery.claimAbandoned(...args);
  readonly repairWaiting: StreamBroker['repairWaiting'] = (...args) => this.recovery.repairWaiting(...args);
  readonly freeFuture: StreamBroker['freeFuture'] = (...args) => this.recovery.freeFuture(...args);
  readonly keepFloor: StreamBroker['keepFloor'] = (...args) => this.recovery.keepFloor(...args);
  readonly forgetNotes: StreamBroker['forgetNotes'] = (...args) => this.recovery.forgetNotes(...args);
  readonly announce: StreamBroker['announce'] = (...args) => this.recovery.announce(...args);
  readonly markAlone: StreamBroker['markAlone'] = (...args) => this.recovery.markAlone(...args);
  readonly unmarkAlone: StreamBroker['unmarkAlone'] = (...args) => this.recovery.unmarkAlone(...args);
  readonly ranAlone: StreamBroker['ranAlone'] = (...args) => this.recovery.ranAlone(...args);
  readonly reapConsumer: StreamBroker['reapConsumer'] = (...args) => this.recovery.reapConsumer(...args);
  readonly watchUnread: StreamBroker['watchUnread'] = (...args) => this.recovery.watchUnread(...args);
  readonly trim: StreamBroker['trim'] = (...args) => this.recovery.trim(...args);
  readonly cap: StreamBroker['cap'] = (...args) => this.recovery.cap(...args);
  readonly trimDeadLetters: StreamBroker['trimDeadLetters'] = (...args) =>
    this.recovery.trimDeadLetters(...args);

  readonly begin: StreamBroker['begin'] = (...args) => this.markers.begin(...args);

  private readonly settlement: SettlementBroker;
  private readonly recovery: RecoveryBroker;
  private readonly markers: MarkerBroker;

  constructor(readonly commands: FakeCommands) {
    this.settlement = new FakeSettlement(commands);
    this.recovery = new FakeRecovery(commands);
    this.markers = new FakeMarkers(commands);
  }

  ensureGroup(stream: string): Promise<GroupStart> {
    return atOnce(() => {
      const { groups, lastId } = this.commands.store.stream(stream);
      if (groups.has(this.commands.group)) return { wasLost: false };
      const kept = this.commands.store.strings.get(this.commands.key(stream, 'floor'));
      const floor = kept ?? '0-0';
      const beganAgain = compareIds(lastId, floor) < 0;
      const { replayed, deadLettered } = this.commands.notes(stream);
      if (beganAgain) for (const notes of [replayed, deadLettered]) notes.clear();
      const madeAt = beganAgain ? '0-0' : floor;
      groups.set(this.commands.group, new FakeGroup(madeAt));
      return { madeAt, wasLost: kept !== undefined };
    });
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  /** A reader that does not wait: nobody but the test moves the clock. */
  openReader(stream: string): StreamReader {
    return {
      readNew: (count) => atOnce(() => this.readNew(stream, count)),
      whenReady: () => Promise.resolve(),
      close: () => undefined,
    };
  }

  probe(stream: string): Promise<Obstacle | undefined> {
    return atOnce(() => (this.commands.groupOf(stream) ? undefined : 'group-missing'));
  }

  isConnected(): boolean {
    return true;
  }

  settings(): Promise<object> {
    return Promise.resolve({});
  }

  absence(): Promise<'unreachable'> {
    return Promise.resolve('unreachable');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private readNew(stream: string, count: number): StreamEntry[] {
    const group = this.commands.requireGroup(stream);
    group.consumers.set(this.commands.consumer, this.commands.store.now);
    const ids = [...this.commands.store.stream(stream).entries.keys()]
      .filter((id) => compareIds(id, group.lastDelivered) > 0)
      .slice(0, count);
    return ids.flatMap((id) => {
      this.commands.give(stream, id, this.commands.consumer, 1);
      group.lastDelivered = id;
      return this.commands.entry(stream, id) ?? [];
    });
  }
}
