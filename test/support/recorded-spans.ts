import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { eventually } from './eventually.js';

/** An OpenTelemetry SDK that keeps what it is told. */
export class RecordedSpans {
  /** In the order in which they began: their clocks are too coarse to tell. */
  private readonly begun: ReadableSpan[] = [];

  /** Registers the SDK, as an application does that wants traces. */
  static register(): RecordedSpans {
    const recorded = new RecordedSpans();
    const processor: SpanProcessor = {
      onStart: (span) => void recorded.begun.push(span),
      onEnd: () => undefined,
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    return recorded;
  }

  /** Leaves the process without an SDK. */
  unregister(): void {
    trace.disable();
    context.disable();
    propagation.disable();
  }

  /** The spans of a trace that have ended, as soon as there are so many, in the order in which they began. */
  async inTrace(traceId: string, count: number): Promise<ReadableSpan[]> {
    return eventually(() => {
      const spans = this.all().filter((span) => span.spanContext().traceId === traceId);
      return spans.length >= count ? spans : undefined;
    });
  }

  /** The first span of this name with this attribute, once it has ended. */
  async one(name: string, attribute: string, value: unknown): Promise<ReadableSpan> {
    return eventually(() =>
      this.all().find((span) => span.name === name && span.attributes[attribute] === value),
    );
  }

  /** Every span that has ended, in the order in which they began. */
  all(): ReadableSpan[] {
    return this.begun.filter(({ ended }) => ended);
  }
}

/** A span as a reader of a trace sees it: what it is called, of what kind, and below which one. */
export function outline(spans: readonly ReadableSpan[]): string[] {
  const name = (span: ReadableSpan): string => `${SpanKind[span.kind]} ${span.name}`;
  return spans.map((span) => {
    const parent = spans.find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
    return parent ? `${name(span)} < ${name(parent)}` : name(span);
  });
}
