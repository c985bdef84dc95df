import { RedisDeadLetters } from '../../src/transport/redis/broker/redis-dead-letters.js';
import type { FunctionWorld } from './function-world.js';
import { GROUP } from './started-server.js';

/** What dead-lettering adds, as far as a replay looks at it. */
export const addedFields = (world: FunctionWorld, id: string): string[] => [
  ...['retry', '2', 'dlt-reason', 'retries-exhausted'],
  ...['dlt-original-stream', world.stream, 'dlt-original-id', id, 'dlt-original-consumer-group', GROUP],
];

/** Dead-letters an entry with these fields. @returns the id of the dead letter */
export async function deadLetter(
  world: FunctionWorld,
  fields: readonly (string | Buffer)[] = ['orderId', '1'],
): Promise<string> {
  return deadLetterEntry(world, await world.delivered(fields), 0);
}

/** Dead-letters an entry that was delivered. @returns the id of the dead letter */
export async function deadLetterEntry(world: FunctionWorld, id: string, replays: number): Promise<string> {
  const { deadLetterId = '' } = await world.broker().deadLetter(world.stream, {
    ...{ entry: { id, deliveryCount: 1 }, owner: 'worker', leastIdleMs: 0, replays },
    ...{ added: addedFields(world, id), held: [], writes: [] },
  });
  return deadLetterId;
}

/** A replay request, as it would be made for a person. */
export const request = (id: string, token = `token of ${id}`) => ({
  ...{ id, token, audit: { action: 'replay', by: 'test' }, writes: [] },
});

/** Opens what talks to Redis about the dead letters of the world's stream. */
export const openDeadLetters = (world: FunctionWorld, url = world.server.url): RedisDeadLetters =>
  new RedisDeadLetters({ url }, world.stream);
