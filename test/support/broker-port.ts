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
} from '../../src/transport/broker/settlement.js';
export type {
  RecoveryBroker,
  SettlementBroker,
  StreamBroker,
} from '../../src/transport/broker/stream-broker.js';
export type { StreamReader } from '../../src/transport/broker/stream-reader.js';
export {
  inProgress,
  type MarkerAnswer,
  type MarkerBroker,
  type MarkerClaim,
} from '../../src/transport/broker/markers.js';
export type { StreamEntry } from '../../src/transport/protocol/entry.js';
export { ENTRY_ID, StreamWrites, type StreamWrite } from '../../src/transport/protocol/stream-writes.js';
export { SettlementWrites } from '../../src/transport/protocol/settlement-writes.js';
export type { ErrorStreak } from '../../src/transport/policy/error-streak.js';
export type { PutOffs } from '../../src/transport/policy/put-off.js';
export {
  deadLetterKeyOf,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
} from '../../src/transport/protocol/stream-key.js';
