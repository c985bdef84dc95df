import type { EntryRef, StreamBroker, StreamEntry } from '../../support/broker-port.js';
import type { StreamWorld } from '../../support/stream-world.js';

/** Two consumers on a world, and the steps with which most cases of the contract begin. */
export interface Stage {
  readonly stream: string;
  readonly world: StreamWorld;
  /** The consumers `anna` and `bert`. */
  readonly anna: StreamBroker;
  readonly bert: StreamBroker;
  /** Adds so many entries and has them delivered to `anna`. */
  delivered(count: number): Promise<EntryRef[]>;
  readNew(broker: StreamBroker, count: number): Promise<readonly StreamEntry[]>;
  /** Owner and count of a pending entry, whether it waits for a retry, or undefined when it is not pending. */
  row(
    id: string | undefined,
  ): Promise<readonly [owner: string, count: number, isWaiting: boolean] | undefined>;
  close(): void;
}

export async function stageOn(world: StreamWorld): Promise<Stage> {
  const { stream } = world;
  const anna = world.broker('anna');
  const bert = world.broker('bert');
  await anna.prepare(stream, true);
  await anna.ensureGroup(stream);
  const readers = new Map([anna, bert].map((broker) => [broker, broker.openReader(stream)]));
  const readNew = async (broker: StreamBroker, count: number): Promise<readonly StreamEntry[]> =>
    (await readers.get(broker)?.readNew(count)) ?? [];
  return {
    ...{ stream, world, anna, bert, readNew },
    async delivered(count) {
      for (let i = 0; i < count; i += 1) await world.add(['data', `{"orderId":"${i}"}`]);
      const entries = await readNew(anna, count);
      return entries.map(({ id }) => ({ id, deliveryCount: 1 }));
    },
    async row(id = '') {
      const { pending, waiting } = await world.look();
      const row = pending.get(id);
      return row && [row.owner, row.count, waiting.has(id)];
    },
    close: () => readers.forEach((reader) => reader.close()),
  };
}

/** What is added to a dead letter in these cases. */
export const ADDED = ['retry', '2', 'dlt-reason', 'retries-exhausted'];

/** The first of a list that must not be empty. */
export function first<T>(list: readonly T[]): T {
  const [found] = list;
  if (found === undefined) throw new Error('The list is empty.');
  return found;
}
