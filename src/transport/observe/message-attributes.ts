import type { Attributes } from '@opentelemetry/api';

/**
 * Attributes of spans about entries: those of OpenTelemetry's conventions for messaging, and below
 * `messaging.redis_streams.` what they have no name for.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export const ATTRIBUTE = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  group: 'messaging.consumer.group.name',
  client: 'messaging.client.id',
  messageId: 'messaging.message.id',
  bodySize: 'messaging.message.body.size',
  conversationId: 'messaging.message.conversation_id',
  deliveryCount: 'messaging.redis_streams.delivery_count',
  retry: 'messaging.redis_streams.retry',
  outcome: 'messaging.redis_streams.outcome',
  settlement: 'messaging.redis_streams.settlement',
  repeat: 'messaging.redis_streams.repeat',
  retryDelayMs: 'messaging.redis_streams.retry_delay_ms',
  deadLetterId: 'messaging.redis_streams.dead_letter.id',
  deadLetterReason: 'messaging.redis_streams.dead_letter.reason',
} as const;

/** What an application calls a conversation travels in this header. */
export const CORRELATION_ID = 'correlation-id';

/** What every span about an entry says. */
export function messageAttributes(operation: 'send' | 'process', stream: string): Attributes {
  return {
    [ATTRIBUTE.system]: 'redis_streams',
    [ATTRIBUTE.operationName]: operation,
    [ATTRIBUTE.operationType]: operation,
    [ATTRIBUTE.destination]: stream,
  };
}
