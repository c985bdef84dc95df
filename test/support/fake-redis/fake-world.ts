import {
  deadLetterKeyOf,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
  type StreamBroker,
} from '../broker-port.js';
import { applicationKeyOf, effectsKeyOf, type StreamWorld } from '../stream-world.js';
import { FakeReplay } from './fake-replay.js';
import { FakeStore } from './fake-store.js';
import { FakeCommands } from './fake-commands.js';
import { FakeStreamBroker } from './fake-stream-broker.js';

const GROUP = 'model-group';

/** A world in memory. */
export interface FakeWorld extends StreamWorld {
  /** All that it holds, as text by key; without receipts of commits, which are of use to one repeat alone. */
  keys(): Record<string, string>;
}

/** What a broker does otherwise than it should. */
export type Fault = (broker: FakeStreamBroker, commands: FakeCommands) => Partial<StreamBroker>;

/** A world in memory, of its own. @param fault - what all its brokers do otherwise */
export function fakeWorld(fault?: Fault): FakeWorld {
  const store = new FakeStore();
  const stream = 'model';
  const operator = new FakeReplay(store, stream);
  const key = (part: string): string => helperKeyOf(stream, GROUP, part);
  return {
    stream,
    isFake: true,
    broker(consumer) {
      const commands = new FakeCommands(store, GROUP, consumer);
      const broker = new FakeStreamBroker(commands);
      return Object.assign(broker, fault?.(broker, commands));
    },
    add: (parts) => Promise.resolve(store.add(stream, parts)),
    delete: (id) => Promise.resolve(void store.stream(stream).entries.delete(id)),
    noteReplayed: (id) => Promise.resolve(void store.notesOf(replayNotesOf(stream)).add(id)),
    noted: () =>
      Promise.resolve({
        replayed: store.notesOf(replayNotesOf(stream)).size,
        letters: store.notesOf(letterNotesOf(stream)).size,
        deadLettered: store.notesOf(key('dead-lettered')).size,
      }),
    replay: (id) => Promise.resolve(operator.replay(id)),
    discard: (id) => Promise.resolve(operator.discard(id)),
    loseWaitingList: () => Promise.resolve(void store.waiting.delete(key('retry'))),
    destroyGroup: () => Promise.resolve(void store.stream(stream).groups.delete(GROUP)),
    passTime: (ms) => Promise.resolve(void (store.now += ms)),
    look() {
      const group = store.stream(stream).groups.get(GROUP);
      const pending = [...(group?.pending ?? [])].map(
        ([id, { owner, count, deliveredAt }]) =>
          [id, { owner, count, idleMs: store.now - deliveredAt }] as const,
      );
      return Promise.resolve({
        now: store.now,
        lastDelivered: group?.lastDelivered,
        floor: store.strings.get(key('floor')),
        entries: new Set(store.stream(stream).entries.keys()),
        pending: new Map(pending),
        waiting: new Map(store.waitingList(key('retry'))),
        effects: Object.fromEntries(store.hashes.get(effectsKeyOf(stream)) ?? []),
        application: Object.fromEntries(store.hashes.get(applicationKeyOf(stream)) ?? []),
        letters: [...store.stream(deadLetterKeyOf(stream)).entries].map(([id, parts]) => ({
          id,
          parts,
        })),
      });
    },
    hash: (name) => Promise.resolve(Object.fromEntries(store.hashes.get(name) ?? [])),
    keys() {
      const all = Object.entries(store.dump());
      return Object.fromEntries(all.filter(([name]) => !name.includes(key('commits'))));
    },
    close: () => Promise.resolve(),
  };
}
