// Nest's decorators need it as soon as they are loaded, whatever an application imports first.
import 'reflect-metadata';

export type { AuditEntry } from './dead-letters/audit-entry.js';
export type { DeadLetterFilter } from './dead-letters/dead-letter-filter.js';
export {
  DeadLetters,
  type DeadLetterCount,
  type DeadLettersOptions,
  type Operator,
  type Page,
  type TakenOut,
} from './dead-letters/dead-letters.js';
export { ReplayJobs, type JobStart, type ReplayJobRequest } from './dead-letters/replay-jobs.js';
export { type ReplayJob, type ReplayJobState, type ReplayHook } from './dead-letters/replay-job.js';
export {
  FunctionsMissingError,
  IdempotencyKeyReusedError,
  InvalidOptionError,
  MissingPermissionError,
  NotReplicatedError,
  EmitQueueFullError,
  RedisUnavailableError,
  RequestResponseUnsupportedError,
  UnencodableEventError,
  UnsupportedPatternError,
} from './entry/client-errors.js';
export type { CommitTransaction } from './entry/commit-transaction.js';
export type { DeadLetterReason } from './entry/dead-letter-fields.js';
export {
  fieldPairs,
  rawPayload,
  type DeadLetter,
  type DeadLetterException,
  type EarlierFailure,
  type Truncation,
} from './entry/dead-letter.js';
export { IDEMPOTENCY_KEY_HEADER } from './entry/names.js';
export type { EntryEncoding } from './entry/encode.js';
export type { CommitGuard, EntryRef } from './entry/delivery.js';
export type { DecodedEntry, Headers, StreamEntry } from './entry/entry.js';
export {
  AbandonedEntryError,
  CommitRefusedError,
  CommitTooLargeError,
  DeliveryLostError,
  DeliveryOverError,
  DependencyUnavailableError,
  GivenUpError,
  HandlerTimeoutError,
  IdempotencyKeyError,
  ContradictedWritesError,
  MalformedEntryError,
  NonRetryableError,
  OrderStreamsError,
  RetryLaterError,
  TransactionControlError,
  StreamUnusableError,
} from './entry/errors.js';
export { deadLetterKeyOf, helperKeyOf } from './entry/names.js';
export { escapeControls, escapeLines } from './entry/text.js';
export type { BigNumbers } from './entry/payload-json.js';
export type { SettlementWrites, ENTRY_ID, StreamWrites, WriteCollector, WriteValue } from './entry/writes.js';
export type { IdempotencyKey } from './idempotency/idempotency-key.js';
export type {
  IdempotencyDefaults,
  IdempotencyExtra,
  IdempotencyOptions,
} from './idempotency/idempotency-policy.js';
export type {
  IdempotencyClaim,
  IdempotencyEnd,
  IdempotencyGeneration,
  IdempotencyStore,
} from './idempotency/idempotency-store.js';
export type { PostgresIdempotencyOptions } from './idempotency/postgres-idempotency-options.js';
export { PostgresIdempotencyStore } from './idempotency/postgres-idempotency-store.js';
export type { PostgresClient, PostgresPool } from './idempotency/postgres-link.js';
export { inboxTableSql } from './idempotency/postgres-sql.js';
export type {
  EntryAtAnyPlace,
  EntryDeleted,
  EntryDelivered,
  EntryPending,
  EntryPlace,
  EntrySettled,
  EntryUnread,
  EntryWaiting,
} from './inspect/entry-lookup.js';
export { StreamInspector } from './inspect/stream-inspector.js';
export type { ConsumerState, GroupState, StreamState } from './inspect/stream-state.js';
export type {
  DeadLetterArbiter,
  DeadLetterVerdict,
  NextStep,
  SettlementHook,
} from './lifecycle/application-hooks.js';
export type { RecoveryCounts } from './lifecycle/recover.js';
export type { RetentionOptions } from './lifecycle/retention.js';
export type { LostEntries } from './lifecycle/unread.js';
export type { RedisStreamsClientOptions } from './nest/client-options.js';
export { Idempotent, Retry } from './nest/decorators.js';
export { PendingRecoveryService, type RecoveryTrouble } from './nest/pending-recovery.service.js';
export { RedisStreamsClient } from './nest/redis-streams-client.js';
export { RedisStreamsServer, type ConsumedStream } from './nest/redis-streams-server.js';
export { RedisStreamsContext, type HandledDelivery } from './nest/redis-streams.context.js';
export { RedisStreamsModule, type RedisStreamsModuleAsyncOptions } from './nest/redis-streams.module.js';
export { RedisStreamsRecord, RedisStreamsRecordBuilder } from './nest/redis-streams.record.js';
export type { FollowUpOptions, RedisStreamsServerOptions } from './nest/server-options.js';
export type {
  HealthCause,
  HealthCauseCode,
  HealthWarning,
  TransportHealth,
} from './nest/transport-health.js';
export { REDIS_STREAMS_TRANSPORT } from './nest/transport-id.js';
export type { RedisStreamsStatus } from './observe/link-status.js';
export type { TransportLogLevel } from './observe/log.js';
export type { TransportLogOption, TransportLogOptions } from './observe/log-option.js';
export type {
  CommitRefusedEvent,
  DeadLetteredEvent,
  DeliveryEvent,
  DuplicateWaitingEvent,
  FailedEvent,
  IntakePausedEvent,
  IntakeResumedEvent,
  LoopBlockedEvent,
  SlotsExhaustedEvent,
  PutOffEvent,
  ReclaimedEvent,
  RecoveredEvent,
  RetryScheduledEvent,
  SettledEvent,
  ReplayFieldsIgnoredEvent,
  HeadersLeftOutEvent,
  SkippedEvent,
  LostEvent,
  ClockSetBackEvent,
  GroupRemadeEvent,
  GroupSetBackEvent,
  StaleGroupEvent,
  StreamEvent,
  TransportEvents,
  TrimmedEvent,
} from './observe/transport-events.js';
export type { Backoff, CustomBackoff, ExponentialBackoff, FixedBackoff } from './policy/backoff.js';
export type { ErrorClass, ErrorClassifier } from './policy/classify-error.js';
export type { RetryOptions } from './policy/retry-policy.js';
export type { Trouble } from './policy/trouble.js';
export type { CommandSender } from './redis/stream-reads.js';
export { subscribeToChannel, type ChannelListener } from './redis/links/channel-subscription.js';
export type {
  ClusterConnectionOptions,
  CommonConnectionOptions,
  RedisAddress,
  RedisConnectionOptions,
  SentinelConnectionOptions,
  SingleConnectionOptions,
} from './redis/links/connection-options.js';
export { loadFunctions } from './redis/lua/function-library.js';
export type { Published } from './redis/publisher/pending-emit.js';
export type { WaitReplicas } from './redis/publisher/replicated-writes.js';
