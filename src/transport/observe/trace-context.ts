import {
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
  type TracerProvider,
  context,
  propagation,
  ROOT_CONTEXT,
  type Context,
  type TextMapGetter,
} from '@opentelemetry/api';
import { describeThrown } from '../entry/thrown.js';
import type { Headers, StreamEntry } from '../entry/entry.js';
import type { OnMisfit } from '../redis/fast/paths.js';

/** The instrumentation scope of every span of the transport. */
const SCOPE = 'order-streams';

/** The stand-in that the API has until an SDK is registered, and that delegates to the SDK from then on. */
interface StandIn extends TracerProvider {
  getDelegateTracer?(name: string): Tracer | undefined;
}

/**
 * The tracer of the OpenTelemetry SDK that the process has registered; undefined as long as there is none.
 *
 * It is asked each time, since an SDK may be registered at any moment; that takes some ten nanoseconds.
 */
export function registeredTracer(): Tracer | undefined {
  const provider: StandIn = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}

/** Says so where the API cannot be asked for the SDK: each `what` is then given a span, whether there is one or not. */
export function checkStandIn(what: 'delivery' | 'emit', onMisfit: OnMisfit): void {
  const provider: StandIn = trace.getTracerProvider();
  if (provider.getDelegateTracer) return;
  onMisfit(
    `This version of @opentelemetry/api does not say whether an SDK is registered: each ${what} is given a span, even if nobody records it, which takes longer`,
  );
}

/** Marks a span as failed, in the words of a dead letter. */
export function recordFailure(span: Span, error: unknown, original?: unknown): void {
  const { name, message, stack } = describeThrown(error, original);
  span.recordException({ name, message, stack });
  span.setAttribute('error.type', name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/**
 * The headers of an event that is written later on, with the context that is active now; a context that they hold
 * already is left as it is.
 */
export function withActiveContext(headers: Headers): Headers {
  if (!registeredTracer()) return headers;
  if (trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers))) return headers;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return { ...carrier, ...headers };
}

/** Reads the fields as they came: an entry that cannot be decoded has a history too. */
const fieldGetter: TextMapGetter<StreamEntry> = { keys: namesOf, get: lastValueOf };

/** The context in which an entry was sent, as its `traceparent` says; the empty context if it does not. */
export function creationContextOf(entry: StreamEntry): Context {
  return propagation.extract(ROOT_CONTEXT, entry, fieldGetter);
}

/** The value of a field; the last where there are several, as everywhere else. */
export function lastValueOf({ parts }: StreamEntry, name: string): string | undefined {
  const wanted = Buffer.from(name);
  for (let index = parts.length - 2; index >= 0; index -= 2) {
    if (parts[index]?.equals(wanted)) return parts[index + 1]?.toString();
  }
  return undefined;
}

function namesOf({ parts }: StreamEntry): string[] {
  return parts.filter((_, index) => index % 2 === 0).map(String);
}
