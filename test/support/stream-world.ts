import { helperKeyOf, type StreamBroker } from './broker-port.js';

/** Where handlers that commit count the effects of each entry. */
export function effectsKeyOf(stream: string): string {
  return helperKeyOf(stream, 'effects');
}

/** The hash in which the application of the model keeps what it writes with the steps of the transport. */
export function applicationKeyOf(stream: string): string {
  return helperKeyOf(stream, 'application');
}

/** A row of the pending entries list, as a test sees it. */
export interface SeenRow {
  readonly owner: string;
  readonly count: number;
  readonly idleMs: number;
}

/** All that is kept for one stream and one group, at one instant. */
export interface Sight {
  /** The clock, in milliseconds. */
  readonly now: number;
  /** The id up to which the group has read; undefined when there is no group. */
  readonly lastDelivered: string | undefined;
  readonly floor: string | undefined;
  /** Ids in the stream. */
  readonly entries: ReadonlySet<string>;
  readonly pending: ReadonlyMap<string, SeenRow>;
  /** Due times of what waits for a retry. */
  readonly waiting: ReadonlyMap<string, number>;
  /** How often a commit took effect, by entry. */
  readonly effects: Readonly<Record<string, string>>;
  /** What the application wrote, by field. */
  readonly application: Readonly<Record<string, string>>;
  readonly letters: readonly { readonly id: string; readonly parts: readonly Buffer[] }[];
}

/** How taking a dead letter out ended; of a replay that was done now, the entry that it made. */
export interface TakenOutLetter {
  readonly outcome: string;
  readonly entryId?: string;
  readonly parts?: readonly Buffer[];
}

/** One stream with one group, in a Redis or in what stands for it, and the means to look at it and to disturb it. */
export interface StreamWorld {
  readonly stream: string;
  /** Whether no Redis is behind it. */
  readonly isFake: boolean;
  broker(consumer: string): StreamBroker;
  add(parts: readonly (string | Buffer)[]): Promise<string>;
  /** Deletes an entry, as an operator may. */
  delete(id: string): Promise<void>;
  /** Notes that a replay made the entry. */
  noteReplayed(id: string): Promise<void>;
  /** How many notes there are of each kind. */
  noted(): Promise<Record<'replayed' | 'letters' | 'deadLettered', number>>;
  /** Moves a dead letter back to its stream, as an operator may. */
  replay(letterId: string): Promise<TakenOutLetter>;
  /** Deletes a dead letter, as an operator may. */
  discard(letterId: string): Promise<TakenOutLetter>;
  loseWaitingList(): Promise<void>;
  destroyGroup(): Promise<void>;
  /** Lets time pass for what is pending and what waits. */
  passTime(ms: number): Promise<void>;
  look(): Promise<Sight>;
  hash(key: string): Promise<Record<string, string>>;
  close(): Promise<void>;
}
