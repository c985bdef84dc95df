/** What each {@link EntryPlace} says, whatever its state. */
export interface EntryAtAnyPlace {
  /** The key of the stream. */
  readonly stream: string;
  /** The consumer group that was asked about. */
  readonly group: string;
  /** The id of the entry. */
  readonly entryId: string;
}

/** What is known of an entry that is pending for the group. */
export interface EntryDelivered extends EntryAtAnyPlace {
  /** Deliveries that count against the attempts of the entry, this one included; the first has 1. */
  readonly deliveryCount: number;
}

/** The group has not been given the entry yet. A group that does not exist has been given nothing. */
export interface EntryUnread extends EntryAtAnyPlace {
  /** The group may still be given it. */
  readonly state: 'unread';
}

/**
 * A consumer has the entry: its handler runs, or its process is gone and recovery will take the entry over. The entry
 * itself may have been deleted meanwhile; recovery finds that out.
 */
export interface EntryPending extends EntryDelivered {
  /** A consumer has it. */
  readonly state: 'pending';
  /** The consumer that has it. */
  readonly holder: string;
  /** Milliseconds since it was delivered, or since its holder last said that it works on it. */
  readonly idleMs: number;
}

/** An attempt failed or was put off, and the entry waits for the next one. No consumer has it. */
export interface EntryWaiting extends EntryDelivered {
  /** It waits for its next attempt. */
  readonly state: 'waiting';
  /**
   * When the next attempt is due, in milliseconds since 1970 by the clock of Redis. In the past: it is taken up at the
   * next look. Absent for the moment between two commands in which that happens, and after a loss that recovery mends.
   */
  readonly dueAtMs?: number;
}

/**
 * The group is done with the entry, which is still in the stream: it was acknowledged, be it handled, dropped or
 * dead-lettered. Entries that lie before the place where the group was made are settled too: it will never get them.
 */
export interface EntrySettled extends EntryAtAnyPlace {
  /** The group is done with it. */
  readonly state: 'settled';
}

/** The stream does not have the entry, and the group has nothing left of it: deleted, trimmed, or never there. */
export interface EntryDeleted extends EntryAtAnyPlace {
  /** It is not there. */
  readonly state: 'deleted';
}

/** Where an entry is, as one group sees it. `state` says which of them it is. */
export type EntryPlace = EntryUnread | EntryPending | EntryWaiting | EntrySettled | EntryDeleted;
