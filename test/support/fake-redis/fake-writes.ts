import { ENTRY_ID, type StreamWrite } from '../broker-port.js';
import type { FakeStore } from './fake-store.js';

type Value = string | Map<string, string> | string[];

const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 63n - 1n;
const INTEGER = /^(0|-?[1-9]\d*)$/;

/** What writes would leave of the keys that they touch: nothing is kept before it is clear that all can be made. */
export class FakeWrites {
  /** Undefined for a key that is gone. */
  private readonly draft = new Map<string, Value | undefined>();

  /** @throws Error as Redis answers when a write cannot be made */
  constructor(
    private readonly store: FakeStore,
    writes: readonly StreamWrite[],
    entryId = '',
  ) {
    for (const { command, key, args } of writes) {
      this.make(
        command,
        key,
        args.map((arg) => (arg === ENTRY_ID ? entryId : String(arg))),
      );
    }
  }

  keep(): void {
    for (const [key, value] of this.draft) {
      for (const kind of [this.store.strings, this.store.hashes, this.store.lists]) kind.delete(key);
      if (typeof value === 'string') this.store.strings.set(key, value);
      else if (value instanceof Map) this.store.hashes.set(key, value);
      else if (value) this.store.lists.set(key, value);
    }
  }

  private make(command: StreamWrite['command'], key: string, args: string[]): void {
    const [first = '', second = ''] = args;
    const what = `${command} of "${key}"`;
    switch (command) {
      case 'set':
        this.draft.set(key, first);
        return;
      case 'del':
        this.draft.set(key, undefined);
        return;
      case 'incrby':
        this.draft.set(key, sum(what, this.held(key, 'string') ?? '0', first));
        return;
      case 'hincrby': {
        const hash = this.map(key, 'hash');
        hash.set(first, sum(`${what}, field "${first}"`, hash.get(first) ?? '0', second));
        return;
      }
      case 'hset':
        for (let i = 0; i < args.length; i += 2) this.map(key, 'hash').set(args[i] ?? '', args[i + 1] ?? '');
        return;
      case 'hsetnx':
        if (!this.map(key, 'hash').has(first)) this.map(key, 'hash').set(first, second);
        return;
      case 'hdel':
        for (const field of args) this.map(key, 'hash').delete(field);
        return;
      case 'rpush':
        this.draft.set(key, [...(this.held(key, 'list') ?? []), ...args]);
        return;
      case 'lpush':
        this.draft.set(key, [...args.reverse(), ...(this.held(key, 'list') ?? [])]);
        return;
      case 'pexpire':
        return;
      case 'onlyifabsent':
      case 'onlyifsame':
        this.held(key, 'hash');
        return;
      default:
        throw new Error(`the fake broker does not know ${command}`);
    }
  }

  private map(key: string, type: 'hash'): Map<string, string> {
    const found = this.held(key, type) ?? new Map<string, string>();
    this.draft.set(key, found);
    return found;
  }

  private held(key: string, type: 'string'): string | undefined;
  private held(key: string, type: 'hash'): Map<string, string> | undefined;
  private held(key: string, type: 'list'): string[] | undefined;
  private held(key: string, type: string): Value | undefined {
    const { strings, hashes, lists } = this.store;
    const hash = hashes.get(key);
    const stored = strings.get(key) ?? (hash && new Map(hash)) ?? lists.get(key);
    const value = this.draft.has(key) ? this.draft.get(key) : stored;
    const found = typeof value === 'string' ? 'string' : Array.isArray(value) ? 'list' : 'hash';
    if (value !== undefined && found !== type) {
      throw new Error(`UNUSABLE write: it needs a ${type} at "${key}", found a ${found}`);
    }
    return value;
  }
}

function sum(what: string, held: string, by: string): string {
  for (const text of [held, by]) {
    if (!INTEGER.test(text)) throw new Error(`UNUSABLE write: ${what}: not an integer of 64 bits`);
  }
  const total = BigInt(held) + BigInt(by);
  if (total < LEAST || total > GREATEST) {
    throw new Error(`UNUSABLE write: ${what}: the sum does not fit into 64 bits`);
  }
  return String(total);
}
