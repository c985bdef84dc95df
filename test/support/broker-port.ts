/**
 * What the fake broker, the contract suite and the random model know of the broker port. When the port moves, or names of
 * it change, this file alone changes with it.
 */
export type {
  Claim,
  Commit,
  CommitBatch,
  ConsumerInfo,
  DeadLettering,
  DeadLetterRequest,
  EntryRef,
  FreedPage,
  GroupLimit,
  GroupStart,
  Holder,
  KeptPutOffs,
  Obstacle,
  PendingEntry,
  Settlement,
  TrimLimits,
  Trimming,
  UnreadSight,
} from '../../src/transport/redis/settlement.js';
export type { RecoveryBroker, SettlementBroker, StreamBroker } from '../../src/transport/redis/port.js';
export type { StreamReader } from '../../src/transport/redis/port.js';
export {
  inProgress,
  type MarkerAnswer,
  type MarkerBroker,
  type MarkerClaim,
} from '../../src/transport/redis/port.js';
export type { StreamEntry } from '../../src/transport/entry/entry.js';
export { ENTRY_ID, StreamWrites, type StreamWrite } from '../../src/transport/entry/writes.js';
export { SettlementWrites } from '../../src/transport/entry/writes.js';
export type { ErrorStreak } from '../../src/transport/policy/error-streak.js';
export type { PutOffs } from '../../src/transport/policy/put-off.js';
export {
  deadLetterKeyOf,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
} from '../../src/transport/entry/names.js';
