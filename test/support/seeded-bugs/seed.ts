import { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';

type Method = {
  [K in keyof RedisStreamBroker]: RedisStreamBroker[K] extends (...args: never[]) => unknown ? K : never;
}[keyof RedisStreamBroker];

/** Methods of the broker as somebody may have written them. */
export type BrokenMethods = {
  [K in Method]?: (
    this: RedisStreamBroker,
    ...args: Parameters<RedisStreamBroker[K]>
  ) => ReturnType<RedisStreamBroker[K]>;
};

/** Puts a bug into every broker of this test file. @returns what takes it out again */
export function seed(broken: BrokenMethods): () => void {
  for (const [name, value] of Object.entries(broken)) {
    Object.defineProperty(RedisStreamBroker.prototype, name, { value, configurable: true, writable: true });
  }
  return () => {
    // The methods proper are those of the classes that it extends, or were replaced by hand.
    for (const name of Object.keys(broken)) restore(name);
  };
}

const proper = new Map(Object.entries(Object.getOwnPropertyDescriptors(RedisStreamBroker.prototype)));

function restore(name: string): void {
  const descriptor = proper.get(name);
  if (descriptor) Object.defineProperty(RedisStreamBroker.prototype, name, descriptor);
  else Reflect.deleteProperty(RedisStreamBroker.prototype, name);
}
