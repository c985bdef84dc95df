import type { Redis } from 'ioredis';
import type { Random } from '../../integration/model/random.js';
import type { Clocks } from '../run/clocks.js';
import type { Database } from '../run/database.js';
import type { Fleet } from '../run/fleet.js';
import type { RedisClock } from '../run/redis-clock.js';
import type { Topology, TopologyName } from '../run/topology.js';

/** What a fault can reach. */
export interface World {
  readonly topology: Topology;
  /** Where orders are kept, with `--store postgres`. */
  readonly database: Database | undefined;
  /** The run's own connection: no fault of a link touches it. */
  readonly direct: Redis;
  readonly fleet: Fleet;
  readonly clocks: Clocks;
  /** There for a fault that needs it. */
  readonly redisClock: RedisClock | undefined;
  readonly stream: string;
  readonly group: string;
  readonly ackWaitMs: number;
  /** Whether Redis keeps an append-only file. */
  readonly keepsData: boolean;
  /** Notes that somebody took entries away that the group had not read, or that were given out and not done. */
  take(ids: { readonly unread: readonly string[]; readonly pending: readonly string[] }): void;
  /** Notes that Redis may have lost what it had up to this entry. */
  lose(upToId: string): void;
  /** Sends the orders of these entries once more, as their source would. @returns how many orders these are */
  sendAgain(entryIds: readonly string[]): number;
}

/** What a fault leaves behind that the service cannot make good. */
export type Consequence =
  /** Redis loses entries, records and effects that it had. */
  | 'loses'
  /** Work that was done since the group's floor runs again. */
  | 'repeats';

/** Something that goes wrong. */
export interface Fault {
  /** How often by default, in milliseconds. */
  readonly everyMs: number;
  /** How long it lasts by default, in milliseconds, where that can be chosen. */
  readonly lastsMs?: number;
  /** Whose processes it needs. */
  readonly of?: 'service';
  /** The store that it needs. */
  readonly store?: 'postgres';
  /** Whether it ends the work of processes, so that deliveries are charged that no handler failed. */
  readonly charges?: boolean;
  /** The ways of setting Redis up to which it can happen; undefined: all. */
  readonly needs?: readonly TopologyName[];
  /** Whether it is a fault of links, for which these lead through proxies. */
  readonly onLinks?: boolean;
  /** Whether it is a fault of clocks, for which the processes are started by clocks of ours. */
  readonly onClocks?: boolean;
  readonly onRedisClock?: boolean;
  readonly consequence?: Consequence;
  /** Lets it happen, and heals it. @returns what was done, in words */
  strike(world: World, random: Random, lastsMs: number): Promise<string>;
}
