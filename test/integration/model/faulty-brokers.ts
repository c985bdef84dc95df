import type {
  Claim,
  Settlement,
  CommitBatch,
  DeadLettering,
  DeadLetterRequest,
  EntryRef,
  GroupStart,
  MarkerAnswer,
  MarkerClaim,
  PutOffs,
  StreamBroker,
  StreamWrite,
} from '../../support/broker-port.js';
import { FakeStreamBroker } from '../../support/fake-redis/fake-stream-broker.js';
import type { BrokerWrap } from './model-process.js';

/** Parks in two steps: a process that dies between them takes the entry with it. */
export class TwoStepBroker extends FakeStreamBroker {
  parkAgain(stream: string, { id, deliveryCount }: EntryRef, delayMs: number): Promise<'done'> {
    this.give(stream, id, '@retry', deliveryCount);
    this.waitingOf(stream).set(id, this.store.now + delayMs);
    return Promise.resolve('done');
  }
}

/** Sends the two steps of {@link TwoStepBroker} one after the other. */
export const parkInTwoSteps: BrokerWrap = (broker, link, bare) => {
  const twoStep = bare as TwoStepBroker;
  const park: StreamBroker['park'] = async (stream, entry, delayMs) => {
    await link.send('park (first step)', [stream, entry], () => bare.acknowledge(stream, [entry.id]));
    return link.send('park (second step)', [stream, entry], () => twoStep.parkAgain(stream, entry, delayMs));
  };
  return new Proxy(broker, {
    get: (target, name) => (name === 'park' ? park : (Reflect.get(target, name) as unknown)),
  });
};

/** A heartbeat as plain XCLAIM … JUSTID makes it: it takes the entry back from whoever has it now. */
export class StealingBroker extends FakeStreamBroker {
  override extend(stream: string, entries: readonly EntryRef[]): Promise<string[]> {
    for (const { id } of entries) {
      const row = this.rowOf(stream, id);
      if (row && this.exists(stream, id)) this.give(stream, id, this.consumer, row.count);
    }
    return Promise.resolve([]);
  }
}

/** Dead-letters for whoever asks, however long ago the entry was given to somebody else. */
export class UnfencedDeadLetterBroker extends FakeStreamBroker {
  override deadLetter(stream: string, request: DeadLetterRequest): Promise<DeadLettering> {
    const row = this.rowOf(stream, request.entry.id);
    const entry = { id: request.entry.id, deliveryCount: row?.count ?? 0 };
    return super.deadLetter(stream, { ...request, entry, owner: row?.owner ?? '', leastIdleMs: 0 });
  }
}

/** Commits for whoever asks, however long ago the entry was given to somebody else. */
export class UnfencedCommitBroker extends FakeStreamBroker {
  override commit(stream: string, batch: CommitBatch): Promise<Settlement[]> {
    for (const { entry, writes } of batch.commits) {
      const isGood = writes.every(({ command }) => command === 'hincrby');
      if (isGood && this.refusal(stream, entry, this.consumer)) this.store.apply(writes);
    }
    return super.commit(stream, batch);
  }
}

/** Acknowledges what it could not write. */
export class CarelessCommitBroker extends FakeStreamBroker {
  override async commit(stream: string, batch: CommitBatch): Promise<Settlement[]> {
    const answers = await super.commit(stream, batch);
    for (const [i, answer] of answers.entries()) {
      const id = batch.commits[i]?.entry.id ?? '';
      if (typeof answer === 'object') this.groupOf(stream)?.pending.delete(id);
    }
    return answers;
  }
}

/** Keeps no receipt: a repeat after a lost answer counts for a loss. */
export class ForgetfulCommitBroker extends FakeStreamBroker {
  override commit(stream: string, batch: CommitBatch): Promise<Settlement[]> {
    this.store.strings.delete(this.key(stream, 'commits', this.consumer, String(batch.lane)));
    return super.commit(stream, batch);
  }
}

/** Makes the writes that come with a park twice. */
export class DoubleWritesBroker extends FakeStreamBroker {
  override async park(stream: string, entry: EntryRef, delayMs: number, writes: readonly StreamWrite[]) {
    const settlement = await super.park(stream, entry, delayMs, writes);
    if (settlement === 'done') this.store.apply(writes);
    return settlement;
  }
}

/** Answers that a commit is a duplicate, and leaves its entry pending. */
export class IdleDuplicateBroker extends FakeStreamBroker {
  override async commit(stream: string, batch: CommitBatch): Promise<Settlement[]> {
    const pending = new Map(this.groupOf(stream)?.pending);
    const answers = await super.commit(stream, batch);
    for (const [i, { entry }] of batch.commits.entries()) {
      const row = pending.get(entry.id);
      if (answers[i] === 'duplicate' && row) this.give(stream, entry.id, row.owner, row.count);
    }
    return answers;
  }
}

/** Begins whoever else is at a key, and whether it is done or not. */
export class ForgetfulMarkerBroker extends FakeStreamBroker {
  override begin(stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]> {
    for (const { marker } of claims) this.store.strings.delete(marker);
    return super.begin(stream, claims);
  }
}

/** Does not remember that an entry was put off. */
export class ForgetfulPutOffBroker extends FakeStreamBroker {
  override readPutOffs(): Promise<PutOffs> {
    return Promise.resolve({ times: 0, forMs: 0 });
  }
}

/** Claims what was pending when the page was read, whatever became of it since. */
export class UnfencedClaimBroker extends FakeStreamBroker {
  override async claimAbandoned(
    stream: string,
    _owner: string,
    _leastIdleMs: number,
    entries: readonly EntryRef[],
  ): Promise<Claim> {
    const claims = entries.map(({ id }) => {
      const row = this.rowOf(stream, id);
      const ref = { id, deliveryCount: row?.count ?? 0 };
      return super.claimAbandoned(stream, row?.owner ?? '', 0, [ref]);
    });
    const all = await Promise.all(claims);
    return {
      entries: all.flatMap((claim) => claim.entries),
      vanished: all.flatMap((claim) => claim.vanished),
    };
  }
}

/** Hands back as if the handler had run. */
export class ChargingBroker extends FakeStreamBroker {
  override async release(stream: string, entries: readonly EntryRef[], delayMs?: number): Promise<number> {
    const released = await super.release(stream, entries, delayMs);
    for (const { id } of entries) {
      const row = this.rowOf(stream, id);
      if (row?.owner === '@retry') row.count += 1;
    }
    return released;
  }
}

/** Deletes a consumer as XGROUP DELCONSUMER does it, with all that is pending for it. */
export class ReapingBroker extends FakeStreamBroker {
  override reapConsumer(stream: string, consumer: string): Promise<boolean> {
    const group = this.groupOf(stream);
    for (const [id, { owner }] of group?.pending ?? []) if (owner === consumer) group?.pending.delete(id);
    return Promise.resolve(group?.consumers.delete(consumer) === true);
  }
}

/** Makes a lost group begin at the end, as `$` does. */
export class LastIdBroker extends FakeStreamBroker {
  override async ensureGroup(stream: string): Promise<GroupStart> {
    const isNew = this.groupOf(stream) === undefined;
    const start = await super.ensureGroup(stream);
    const group = this.groupOf(stream);
    if (isNew && group) group.lastDelivered = this.store.stream(stream).lastId;
    return start;
  }
}

/** Trims by length alone, whoever needs what is cut. */
export class BlindTrimBroker extends FakeStreamBroker {
  override async trim(stream: string): Promise<{ removed: number; staleGroups: string[] }> {
    return { removed: await this.cap(stream, 2), staleGroups: [] };
  }
}

/** Trusts the waiting list. */
export class CarelessBroker extends FakeStreamBroker {
  override repairWaiting(): Promise<number> {
    return Promise.resolve(0);
  }
}
