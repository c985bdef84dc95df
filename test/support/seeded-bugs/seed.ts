import type { RedisCommands } from '../../../src/transport/redis/broker/redis-commands.js';
import { RedisMarkers } from '../../../src/transport/redis/broker/redis-markers.js';
import { RedisRecovery } from '../../../src/transport/redis/broker/redis-recovery.js';
import { RedisSettlement } from '../../../src/transport/redis/broker/redis-settlement.js';
import { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import type { StreamBroker } from '../../../src/transport/redis/port.js';

/** Methods of the broker as somebody may have written them; `this` is the part of the broker that has the method. */
export type BrokenMethods = {
  [K in keyof StreamBroker]?: (
    this: { readonly redis: RedisCommands },
    ...args: Parameters<StreamBroker[K]>
  ) => ReturnType<StreamBroker[K]>;
};

const PARTS: readonly object[] = [RedisSettlement, RedisRecovery, RedisMarkers, RedisStreamBroker].map(
  ({ prototype }) => prototype,
);

/** Puts a bug into every broker of this test file. @returns what takes it out again */
export function seed(broken: BrokenMethods): () => void {
  const undo = Object.entries(broken).map(([name, value]) => replace(name, value));
  return () => undo.forEach((restore) => restore());
}

function replace(name: string, value: unknown): () => void {
  const part = PARTS.find((prototype) => Object.hasOwn(prototype, name));
  const proper = part && Object.getOwnPropertyDescriptor(part, name);
  if (!proper) throw new Error(`No part of the broker has a method "${name}".`);
  Object.defineProperty(part, name, { value, configurable: true, writable: true });
  return () => Object.defineProperty(part, name, proper);
}
