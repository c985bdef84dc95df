import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Link,
  type Span,
  type Tracer,
  type Attributes,
} from '@opentelemetry/api';
import type { Published } from '../redis/publisher/pending-emit.js';
import { DATA_FIELD, type Headers } from '../entry/entry.js';
import { recordFailure } from './trace-context.js';

/** An event on its way to a stream. */
export interface Sending {
  readonly stream: string;
  readonly headers: Headers;
  /** Whether the encoding has room for headers, and so for the context. */
  readonly carriesHeaders: boolean;
  /** Writes the event as fields of an entry. */
  encode(headers: Headers): string[];
  /** @returns the entry, once Redis has it */
  publish(fields: readonly string[]): Promise<Published>;
}

/**
 * Sends an event in a span of its own, whose context travels with the entry. A context that the application gave the
 * event is left as it is, and linked.
 */
export function traceSend(tracer: Tracer, sending: Sending): Promise<Published> {
  const { stream, headers } = sending;
  const given = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers));
  const links: Link[] = given ? [{ context: given }] : [];
  const attributes = messageAttributes('send', stream);
  const span = tracer.startSpan(`send ${stream}`, { kind: SpanKind.PRODUCER, attributes, links });
  return context.with(trace.setSpan(context.active(), span), async () => {
    try {
      return await sendWithin(span, sending, given === undefined);
    } catch (error) {
      recordFailure(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

async function sendWithin(span: Span, sending: Sending, ownContext: boolean): Promise<Published> {
  const { headers, carriesHeaders } = sending;
  const carrier: Record<string, string> = {};
  if (ownContext && carriesHeaders) {
    propagation.inject(trace.setSpan(context.active(), span), carrier);
  }
  const fields = sending.encode({ ...carrier, ...headers });
  if (fields[0] === DATA_FIELD) span.setAttribute(ATTRIBUTE.bodySize, Buffer.byteLength(fields[1] ?? ''));
  const correlationId = headers[CORRELATION_ID];
  if (correlationId !== undefined) span.setAttribute(ATTRIBUTE.conversationId, correlationId);
  const published = await sending.publish(fields);
  span.setAttribute(ATTRIBUTE.messageId, published.entryId);
  if (published.isRepeat) span.setAttribute(ATTRIBUTE.repeat, true);
  return published;
}

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
