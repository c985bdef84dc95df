import type { Claim, StreamBroker } from '../../support/broker-port.js';
import type { FakeStreamBroker } from '../../support/fake-redis/fake-stream-broker.js';
import type { Fault } from '../../support/fake-redis/fake-world.js';
import type { BrokerWrap } from './model-process.js';

/** Parks in two steps: a process that dies between them takes the entry with it. */
export const parkInTwoSteps: BrokerWrap = (broker, link, bare) => {
  const { commands } = bare as FakeStreamBroker;
  const park: StreamBroker['park'] = async (stream, entry, delayMs) => {
    await link.send('park (first step)', [stream, entry], () => bare.acknowledge(stream, [entry.id]));
    return link.send('park (second step)', [stream, entry], () => {
      commands.give(stream, entry.id, '@retry', entry.deliveryCount);
      commands.waitingOf(stream).set(entry.id, commands.store.now + delayMs);
      return Promise.resolve('done');
    });
  };
  return new Proxy(broker, {
    get: (target, name) => (name === 'park' ? park : (Reflect.get(target, name) as unknown)),
  });
};

/** A heartbeat as plain XCLAIM … JUSTID makes it: it takes the entry back from whoever has it now. */
export const stealing: Fault = (_broker, commands) => ({
  extend(stream, entries) {
    for (const { id } of entries) {
      const row = commands.rowOf(stream, id);
      if (row && commands.exists(stream, id)) commands.give(stream, id, commands.consumer, row.count);
    }
    return Promise.resolve([]);
  },
});

/** Dead-letters for whoever asks, however long ago the entry was given to somebody else. */
export const deadLetteringUnfenced: Fault = ({ deadLetter }, commands) => ({
  deadLetter(stream, request) {
    const row = commands.rowOf(stream, request.entry.id);
    const entry = { id: request.entry.id, deliveryCount: row?.count ?? 0 };
    return deadLetter(stream, { ...request, entry, owner: row?.owner ?? '', leastIdleMs: 0 });
  },
});

/** Commits for whoever asks, however long ago the entry was given to somebody else. */
export const committingUnfenced: Fault = ({ commit }, commands) => ({
  commit(stream, batch) {
    for (const { entry, writes } of batch.commits) {
      const isGood = writes.every(({ command }) => command === 'hincrby');
      if (isGood && commands.refusal(stream, entry, commands.consumer)) commands.store.apply(writes);
    }
    return commit(stream, batch);
  },
});

/** Acknowledges what it could not write. */
export const committingCarelessly: Fault = ({ commit }, commands) => ({
  async commit(stream, batch) {
    const answers = await commit(stream, batch);
    for (const [i, answer] of answers.entries()) {
      const id = batch.commits[i]?.entry.id ?? '';
      if (typeof answer === 'object') commands.groupOf(stream)?.pending.delete(id);
    }
    return answers;
  },
});

/** Keeps no receipt: a repeat after a lost answer counts for a loss. */
export const forgettingCommits: Fault = ({ commit }, commands) => ({
  commit(stream, batch) {
    commands.store.strings.delete(commands.key(stream, 'commits', commands.consumer, String(batch.lane)));
    return commit(stream, batch);
  },
});

/** Makes the writes that come with a park twice. */
export const writingTwice: Fault = ({ park }, commands) => ({
  async park(stream, entry, delayMs, writes) {
    const settlement = await park(stream, entry, delayMs, writes);
    if (settlement === 'done') commands.store.apply(writes);
    return settlement;
  },
});

/** Answers that a commit is a duplicate, and leaves its entry pending. */
export const leavingDuplicates: Fault = ({ commit }, commands) => ({
  async commit(stream, batch) {
    const pending = new Map(commands.groupOf(stream)?.pending);
    const answers = await commit(stream, batch);
    for (const [i, { entry }] of batch.commits.entries()) {
      const row = pending.get(entry.id);
      if (answers[i] === 'duplicate' && row) commands.give(stream, entry.id, row.owner, row.count);
    }
    return answers;
  },
});

/** Begins whoever else is at a key, and whether it is done or not. */
export const forgettingMarkers: Fault = ({ begin }, commands) => ({
  begin(stream, claims) {
    for (const { marker } of claims) commands.store.strings.delete(marker);
    return begin(stream, claims);
  },
});

/** Does not remember that an entry was put off. */
export const forgettingPutOffs: Fault = () => ({
  readPutOffs: () => Promise.resolve({ times: 0, forMs: 0 }),
});

/** Claims what was pending when the page was read, whatever became of it since. */
export const claimingUnfenced: Fault = ({ claimAbandoned }, commands) => ({
  async claimAbandoned(stream, _owner, _leastIdleMs, entries): Promise<Claim> {
    const claims = entries.map(({ id }) => {
      const row = commands.rowOf(stream, id);
      const ref = { id, deliveryCount: row?.count ?? 0 };
      return claimAbandoned(stream, row?.owner ?? '', 0, [ref]);
    });
    const all = await Promise.all(claims);
    return {
      entries: all.flatMap((claim) => claim.entries),
      vanished: all.flatMap((claim) => claim.vanished),
    };
  },
});

/** Hands back as if the handler had run. */
export const charging: Fault = ({ release, putOff }, commands) => {
  const charge = (stream: string, id: string): void => {
    const row = commands.rowOf(stream, id);
    if (row?.owner === '@retry') row.count += 1;
  };
  return {
    async release(stream, entries, delayMs) {
      const released = await release(stream, entries, delayMs);
      for (const { id } of entries) charge(stream, id);
      return released;
    },
    async putOff(stream, entry, delayMs, putOffs) {
      const released = await putOff(stream, entry, delayMs, putOffs);
      charge(stream, entry.id);
      return released;
    },
  };
};

/** Deletes a consumer as XGROUP DELCONSUMER does it, with all that is pending for it. */
export const reaping: Fault = (_broker, commands) => ({
  reapConsumer(stream, consumer) {
    const group = commands.groupOf(stream);
    for (const [id, { owner }] of group?.pending ?? []) if (owner === consumer) group?.pending.delete(id);
    return Promise.resolve(group?.consumers.delete(consumer) === true);
  },
});

/** Makes a lost group begin at the end, as `$` does. */
export const beginningAtTheEnd: Fault = (broker, commands) => {
  const ensureGroup = broker.ensureGroup.bind(broker);
  return {
    async ensureGroup(stream) {
      const isNew = commands.groupOf(stream) === undefined;
      const start = await ensureGroup(stream);
      const group = commands.groupOf(stream);
      if (isNew && group) group.lastDelivered = commands.store.stream(stream).lastId;
      return start;
    },
  };
};

/** Trims by length alone, whoever needs what is cut. */
export const trimmingBlindly: Fault = ({ cap }) => ({
  trim: async (stream) => ({ removed: await cap(stream, 2), staleGroups: [] }),
});

/** Trusts the waiting list. */
export const trustingTheWaitingList: Fault = () => ({ repairWaiting: () => Promise.resolve(0) });
