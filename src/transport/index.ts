export { subscribeToChannel, type ChannelListener } from './broker/channel-subscription.js';
export type {
  ClusterConnectionOptions,
  CommonConnectionOptions,
  RedisAddress,
  RedisConnectionOptions,
  SentinelConnectionOptions,
  SingleConnectionOptions,
} from './broker/connection-options.js';
export type { Published } from './broker/pending-emit.js';
export type { WaitReplicas } from './broker/replicated-writes.js';
export type { CommandSender } from './broker/stream-reads.js';
export type { RedisStreamsClientOptions } from './client/client-options.js';
export { loadFunctions } from './broker/functions/load-functions.js';
export { RedisStreamsClient } from './client/redis-streams-client.js';
export { RedisStreamsRecord, RedisStreamsRecordBuilder } from './client/redis-streams.record.js';
export type { AuditEntry } from './dead-letter/audit-entry.js';
export type { DeadLetterFilter } from './dead-letter/dead-letter-filter.js';
export {
  DeadLetters,
  type DeadLetterCount,
  type DeadLettersOptions,
  type Operator,
  type Page,
  type TakenOut,
} from './dead-letter/dead-letters.js';
export type { ReplayJob, ReplayJobState } from './dead-letter/replay-job.js';
export { ReplayJobs, type JobStart, type ReplayJobRequest } from './dead-letter/replay-jobs.js';
export type { ReplayHook } from './dead-letter/replay-hook.js';
export type { DeadLetterArbiter, DeadLetterVerdict } from './lifecycle/dead-letter-arbiter.js';
export type { NextStep, SettlementHook } from './lifecycle/settlement-hook.js';
export type { LostEntries } from './lifecycle/unread-watch.js';
export type { IdempotencyKey } from './idempotency/idempotency-key.js';
export { StreamInspector } from './inspect/stream-inspector.js';
export type { ConsumerState, GroupState, StreamState } from './inspect/stream-state.js';
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
export { inboxTableSql } from './idempotency/postgres-inbox-sql.js';
export type { PostgresClient, PostgresPool } from './idempotency/postgres-pool.js';
export type {
  CommitRefusedEvent,
  DeadLetteredEvent,
  DeliveryEvent,
  DuplicateWaitingEvent,
  FailedEvent,
  IntakePausedEvent,
  IntakeResumedEvent,
  LoopBlockedEvent,
  PutOffEvent,
  ReclaimedEvent,
  RecoveredEvent,
  RetryScheduledEvent,
  SettledEvent,
  ReplayFieldsIgnoredEvent,
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
export type { TransportLogOption, TransportLogOptions } from './observe/log-option.js';
export type { TransportLogLevel } from './observe/transport-log.js';
export type { Backoff, CustomBackoff, ExponentialBackoff, FixedBackoff } from './policy/backoff.js';
export type { ErrorClass, ErrorClassifier } from './policy/classify-error.js';
export type { RetryOptions } from './policy/retry-policy.js';
export type { CommitTransaction } from './protocol/commit-transaction.js';
export { fieldPairs, rawPayload } from './protocol/dead-letter.js';
export type { DeadLetter, DeadLetterException, EarlierFailure, Truncation } from './protocol/dead-letter.js';
export type { DeadLetterReason } from './protocol/dead-letter-reason.js';
export type { EntryEncoding } from './protocol/entry-encoder.js';
export type { Headers } from './protocol/entry.js';
export { escapeControls } from './protocol/escape-controls.js';
export { AbandonedEntryError } from './protocol/errors/abandoned-entry.error.js';
export { CommitRefusedError } from './protocol/errors/commit-refused.error.js';
export { CommitTooLargeError } from './protocol/errors/commit-too-large.error.js';
export { DeliveryLostError } from './protocol/errors/delivery-lost.error.js';
export { DeliveryOverError } from './protocol/errors/delivery-over.error.js';
export { DependencyUnavailableError } from './protocol/errors/dependency-unavailable.error.js';
export { FunctionsMissingError } from './protocol/errors/functions-missing.error.js';
export { GivenUpError } from './protocol/errors/given-up.error.js';
export { HandlerTimeoutError } from './protocol/errors/handler-timeout.error.js';
export { IdempotencyKeyError } from './protocol/errors/idempotency-key.error.js';
export { ContradictedWritesError } from './protocol/errors/contradicted-writes.error.js';
export { IdempotencyKeyReusedError } from './protocol/errors/idempotency-key-reused.error.js';
export { InvalidOptionError } from './protocol/errors/invalid-option.error.js';
export { MalformedEntryError } from './protocol/errors/malformed-entry.error.js';
export { MissingPermissionError } from './protocol/errors/missing-permission.error.js';
export { NonRetryableError } from './protocol/errors/non-retryable.error.js';
export { NotReplicatedError } from './protocol/errors/not-replicated.error.js';
export { OrderStreamsError } from './protocol/errors/order-streams.error.js';
export { EmitQueueFullError } from './protocol/errors/emit-queue-full.error.js';
export { RedisUnavailableError } from './protocol/errors/redis-unavailable.error.js';
export { RequestResponseUnsupportedError } from './protocol/errors/request-response-unsupported.error.js';
export { RetryLaterError } from './protocol/errors/retry-later.error.js';
export { TransactionControlError } from './protocol/errors/transaction-control.error.js';
export { StreamUnusableError } from './protocol/errors/stream-unusable.error.js';
export { UnencodableEventError } from './protocol/errors/unencodable-event.error.js';
export { UnsupportedPatternError } from './protocol/errors/unsupported-pattern.error.js';
export { IDEMPOTENCY_KEY_HEADER } from './protocol/idempotency.js';
export type { SettlementWrites } from './protocol/settlement-writes.js';
export type { ENTRY_ID, StreamWrites, WriteValue } from './protocol/stream-writes.js';
export { PendingRecoveryService } from './lifecycle/pending-recovery.service.js';
export type { RecoveryCounts } from './lifecycle/recovery-counts.js';
export type { RetentionOptions } from './retention/retention-options.js';
export { Idempotent } from './server/idempotent.decorator.js';
export { Retry } from './server/retry.decorator.js';
export type { RedisStreamsStatus } from './observe/link-status.js';
export { RedisStreamsServer, type ConsumedStream } from './server/redis-streams-server.js';
export { deadLetterKeyOf, helperKeyOf } from './protocol/stream-key.js';
export { RedisStreamsContext } from './server/redis-streams.context.js';
export { RedisStreamsModule, type RedisStreamsModuleAsyncOptions } from './server/redis-streams.module.js';
export type { FollowUpOptions, RedisStreamsServerOptions } from './server/server-options.js';
export { REDIS_STREAMS_TRANSPORT } from './server/transport-id.js';
export type {
  HealthCause,
  HealthCauseCode,
  HealthWarning,
  TransportHealth,
} from './server/transport-health.js';
