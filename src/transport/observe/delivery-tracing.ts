import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { StreamEvent } from './transport-events.js';
import type { Delivery } from '../entry/delivery.js';
import { deadLetterKeyOf } from '../entry/names.js';
import { creationContextOf, lastValueOf, recordFailure, registeredTracer } from './trace-context.js';
import { ATTRIBUTE, CORRELATION_ID, messageAttributes } from './trace-send.js';

/** What else is known of an end. */
export interface EndFacts {
  /** Milliseconds until the entry is due again. */
  readonly delayMs?: number;
  /** What a refused commit was answered. */
  readonly settlement?: string;
  /** Of the dead letter, or of what the entry is put off for. */
  readonly reason?: string;
  readonly deadLetterId?: string;
  readonly times?: number;
}

/** The span of one delivery. */
interface DeliverySpan {
  readonly span: Span;
  readonly context: Context;
  /** Whether something else than the handler's end ends the span: what settles its failure, or a commit's answer. */
  isHandedOn: boolean;
}

/** How the write of a dead letter ended. */
interface Lettered {
  readonly settlement: unknown;
  readonly facts: EndFacts;
}

/** Most entries whose last attempt is remembered; retries may be another process's, and never come here. */
const MAX_REMEMBERED = 10_000;

/**
 * Puts each delivery of one stream in a span of its own, from the handler's start until it is known what becomes of
 * the entry, and where the handler commits, until that is written. Where no OpenTelemetry SDK is registered every
 * method does what it is given and nothing else.
 *
 * All attempts at an entry have the context of its sender as their parent. A retry is linked to the attempt before it
 * where that was made by this process: nothing of traces is kept in Redis. A replay begins a trace of its own, linked
 * to the first, which may have ended long ago.
 */
export class DeliveryTracing {
  private readonly spans = new WeakMap<Delivery, DeliverySpan>();
  private readonly unanswered = new Set<DeliverySpan>();
  private readonly earlier = new Map<string, SpanContext>();

  /** @param isCluster - whether the stream lies in a Redis Cluster, where its dead letters have another name */
  constructor(
    private readonly source: StreamEvent,
    private readonly isCluster = false,
  ) {}

  /** Whether an SDK is registered; without one, the caller can save itself the closures. */
  get isOn(): boolean {
    return registeredTracer() !== undefined;
  }

  /** Runs the way of a delivery; its span is active meanwhile. */
  attempt<T>(delivery: Delivery, run: () => Promise<T>): Promise<T> {
    const tracer = registeredTracer();
    return tracer ? this.runTraced(this.begin(tracer, delivery), run) : run();
  }

  /** Notes what the entry says of attempts made elsewhere. */
  received(delivery: Delivery): void {
    this.spans.get(delivery)?.span.setAttribute(ATTRIBUTE.retry, delivery.retry);
  }

  /** Keeps the span of a delivery until {@link answered}: what its handler commits is on its way. */
  handOn(delivery: Delivery): void {
    const attempt = this.spans.get(delivery);
    if (!attempt) return;
    attempt.isHandedOn = true;
    this.unanswered.add(attempt);
  }

  /** Runs what the answer to a commit brings; the span is active meanwhile, whoever's call carried the commit. */
  async answered<T>(delivery: Delivery, goOn: () => Promise<T>): Promise<T> {
    const attempt = this.spans.get(delivery);
    if (!attempt) return goOn();
    this.unanswered.delete(attempt);
    try {
      return await context.with(attempt.context, goOn);
    } finally {
      // A failure has ended it by now.
      if (attempt.span.isRecording()) attempt.span.end();
    }
  }

  /** Ends the spans of commits that will not be answered any more. */
  giveUp(): void {
    for (const { span } of this.unanswered) span.end();
    this.unanswered.clear();
  }

  /** Runs what settles a failed delivery. */
  async failure<T>(delivery: Delivery, error: unknown, settle: () => Promise<T>): Promise<T> {
    const attempt = this.spans.get(delivery);
    if (!attempt) return settle();
    attempt.isHandedOn = true;
    recordFailure(attempt.span, error, delivery.original);
    try {
      return await context.with(attempt.context, settle);
    } finally {
      attempt.span.end();
    }
  }

  /** Runs what ends an entry that no handler is given again. */
  abandoned<T>({ entry }: Delivery, settle: () => Promise<T>): Promise<T> {
    return registeredTracer() ? context.with(creationContextOf(entry), settle) : settle();
  }

  /** Notes what became of a delivery. Where its entry is due again, the next delivery is linked to this one. */
  ended(
    delivery: Delivery,
    outcome: string,
    { delayMs, settlement, reason, deadLetterId }: EndFacts = {},
  ): void {
    const traced = this.spans.get(delivery);
    if (!traced) return;
    traced.span.setAttributes({
      [ATTRIBUTE.outcome]: outcome,
      ...(delayMs !== undefined && { [ATTRIBUTE.retryDelayMs]: delayMs }),
      ...(settlement !== undefined && { [ATTRIBUTE.settlement]: settlement }),
      ...(outcome === 'dead-lettered' && letterAttributes(reason, deadLetterId)),
    });
    if (delayMs !== undefined) this.remember(delivery.id, traced.span.spanContext());
  }

  /** Runs the write of a dead letter, and records a span for it if one was written. */
  async deadLetter<T extends Lettered | undefined>(delivery: Delivery, write: () => Promise<T>): Promise<T> {
    const tracer = registeredTracer();
    if (!tracer) return write();
    const startTime = new Date();
    const lettered = await write();
    if (lettered?.settlement !== 'done') return lettered;
    const { reason, deadLetterId } = lettered.facts;
    const stream = deadLetterKeyOf(this.source.stream, this.isCluster);
    const creation = creationContextOf(delivery.entry);
    const attributes: Attributes = {
      ...messageAttributes('send', stream),
      ...letterAttributes(reason, deadLetterId),
    };
    if (deadLetterId !== undefined) attributes[ATTRIBUTE.messageId] = deadLetterId;
    // Not a producer: the dead letter keeps the context of the entry, for those who read or replay it.
    const span = tracer.startSpan(
      `send ${stream}`,
      { kind: SpanKind.CLIENT, startTime, attributes, links: linksTo(trace.getSpanContext(creation)) },
      this.spans.get(delivery)?.context ?? creation,
    );
    span.end();
    return lettered;
  }

  private async runTraced<T>(attempt: DeliverySpan, run: () => Promise<T>): Promise<T> {
    try {
      return await context.with(attempt.context, run);
    } finally {
      if (!attempt.isHandedOn) attempt.span.end();
    }
  }

  private begin(tracer: Tracer, delivery: Delivery): DeliverySpan {
    const { stream, group, consumer } = this.source;
    const { entry, deliveryCount } = delivery;
    const creation = creationContextOf(entry);
    const earlier = this.earlier.get(entry.id);
    this.earlier.delete(entry.id);
    const correlationId = lastValueOf(entry, CORRELATION_ID);
    const attributes: Attributes = {
      ...messageAttributes('process', stream),
      [ATTRIBUTE.group]: group,
      [ATTRIBUTE.client]: consumer,
      [ATTRIBUTE.messageId]: entry.id,
      [ATTRIBUTE.deliveryCount]: deliveryCount,
      ...(correlationId !== undefined && { [ATTRIBUTE.conversationId]: correlationId }),
      // What comes of it is noted when it is known.
      [ATTRIBUTE.outcome]: 'unsettled',
    };
    const replayed = delivery.replay !== undefined;
    const links = linksTo(earlier, replayed ? trace.getSpanContext(creation) : undefined);
    const parent = replayed ? replayParent(earlier) : creation;
    const span = tracer.startSpan(
      `process ${stream}`,
      { kind: SpanKind.CONSUMER, attributes, links },
      parent,
    );
    const attempt = { span, context: trace.setSpan(parent, span), isHandedOn: false };
    this.spans.set(delivery, attempt);
    return attempt;
  }

  private remember(entryId: string, span: SpanContext): void {
    this.earlier.set(entryId, span);
    const [oldest] = this.earlier.keys();
    if (this.earlier.size > MAX_REMEMBERED && oldest !== undefined) this.earlier.delete(oldest);
  }
}

function letterAttributes(reason: string | undefined, deadLetterId: string | undefined): Attributes {
  return {
    ...(reason !== undefined && { [ATTRIBUTE.deadLetterReason]: reason }),
    ...(deadLetterId !== undefined && { [ATTRIBUTE.deadLetterId]: deadLetterId }),
  };
}

/** Attempts at a replay stay together in one trace, as far as this process made them. */
function replayParent(earlier: SpanContext | undefined): Context {
  return earlier ? trace.setSpanContext(ROOT_CONTEXT, earlier) : ROOT_CONTEXT;
}

function linksTo(...contexts: (SpanContext | undefined)[]): Link[] {
  return contexts.flatMap((linked) => (linked ? [{ context: linked }] : []));
}
