/** An entry as Redis delivered it, byte for byte. */
export interface StreamEntry {
  readonly id: string;
  /** Field names and values in turn, in the order of the wire. */
  readonly parts: readonly Buffer[];
}

/** What a replay wrote into the entry that it made. */
export interface Replay {
  /** How often the entry was put back from the dead letters, that time included. */
  readonly replays: number;
  /** The group that it is for: the one that it failed in. Absent when it is for all. */
  readonly group?: string;
}

/** An entry as it was delivered to this consumer. */
export interface DeliveredEntry {
  readonly entry: StreamEntry;
  /**
   * How often the group has delivered the entry, this time included: the count that Redis keeps in the pending
   * entries list (https://redis.io/docs/latest/commands/xpending/).
   */
  readonly deliveryCount: number;
}

/** The payload, headers and earlier attempts that an entry carries. */
export interface DecodedEntry {
  readonly payload: unknown;
  readonly headers: Headers;
  /** Attempts that the entry had already had elsewhere when it was written. */
  readonly priorAttempts: number;
}

/** Out-of-band values beside the payload; names and values are strings. */
export type Headers = Readonly<Record<string, string>>;
