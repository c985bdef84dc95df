export type {
  ClusterConnectionOptions,
  CommonConnectionOptions,
  RedisAddress,
  RedisConnectionOptions,
  SentinelConnectionOptions,
  SingleConnectionOptions,
} from './broker/connection-options.js';
export type { WaitReplicas } from './broker/replicated-writes.js';
export type { RedisStreamsClientOptions } from './client/client-options.js';
export { RedisStreamsClient } from './client/redis-streams-client.js';
export { RedisStreamsRecord, RedisStreamsRecordBuilder } from './client/redis-streams.record.js';
export type { NextStep, SettlementHook } from './delivery/settlement-hook.js';
export type {
  DeadLetteredEvent,
  DeliveryEvent,
  FailedEvent,
  ReclaimedEvent,
  RecoveredEvent,
  RetryScheduledEvent,
  SettledEvent,
  StaleGroupEvent,
  StreamEvent,
  TransportEvents,
  TrimmedEvent,
} from './observe/transport-events.js';
export type { Backoff, CustomBackoff, ExponentialBackoff, FixedBackoff } from './policy/backoff.js';
export type { ErrorClass, ErrorClassifier } from './policy/classify-error.js';
export type { RetryOptions } from './policy/retry-policy.js';
export type { DeadLetterReason } from './protocol/dead-letter-reason.js';
export type { EntryEncoding } from './protocol/entry-encoder.js';
export type { Headers } from './protocol/entry.js';
export { AbandonedEntryError } from './protocol/errors/abandoned-entry.error.js';
export { DeliveryLostError } from './protocol/errors/delivery-lost.error.js';
export { HandlerTimeoutError } from './protocol/errors/handler-timeout.error.js';
export { InvalidOptionError } from './protocol/errors/invalid-option.error.js';
export { MalformedEntryError } from './protocol/errors/malformed-entry.error.js';
export { MissingPermissionError } from './protocol/errors/missing-permission.error.js';
export { NonRetryableError } from './protocol/errors/non-retryable.error.js';
export { NotReplicatedError } from './protocol/errors/not-replicated.error.js';
export { OrderStreamsError } from './protocol/errors/order-streams.error.js';
export { RedisUnavailableError } from './protocol/errors/redis-unavailable.error.js';
export { RequestResponseUnsupportedError } from './protocol/errors/request-response-unsupported.error.js';
export { RetryLaterError } from './protocol/errors/retry-later.error.js';
export { UnencodableEventError } from './protocol/errors/unencodable-event.error.js';
export { UnsupportedPatternError } from './protocol/errors/unsupported-pattern.error.js';
export type { ENTRY_ID, StreamWrites, WriteValue } from './protocol/stream-writes.js';
export { PendingRecoveryService } from './recovery/pending-recovery.service.js';
export type { RecoveryCounts } from './recovery/recovery-counts.js';
export type { RetentionOptions } from './retention/retention-options.js';
export { Retry } from './server/retry.decorator.js';
export type { RedisStreamsStatus } from './observe/link-status.js';
export { RedisStreamsServer } from './server/redis-streams-server.js';
export { RedisStreamsContext } from './server/redis-streams.context.js';
export { RedisStreamsModule, type RedisStreamsModuleAsyncOptions } from './server/redis-streams.module.js';
export type { RedisStreamsServerOptions } from './server/server-options.js';
export { REDIS_STREAMS_TRANSPORT } from './server/transport-id.js';
export type { HealthCause, HealthCauseCode, TransportHealth } from './server/transport-health.js';
