import { SpanStatusCode, trace, type Span, type Tracer, type TracerProvider } from '@opentelemetry/api';
import { exceptionFields } from '../protocol/dead-letter-fields.js';

/** The instrumentation scope of every span of the transport. */
const SCOPE = 'order-streams';

/** The stand-in that the API has until an SDK is registered, and that delegates to the SDK from then on. */
interface StandIn extends TracerProvider {
  getDelegateTracer?(name: string): Tracer | undefined;
}

/**
 * The tracer of the OpenTelemetry SDK that the process has registered; undefined as long as there is none.
 *
 * It is asked anew each time, since an SDK may be registered at any moment; that takes some ten nanoseconds.
 */
export function registeredTracer(): Tracer | undefined {
  const provider: StandIn = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}

/** Marks a span as failed, in the words of a dead letter. */
export function recordFailure(span: Span, error: unknown): void {
  const fields = exceptionFields(error);
  const { 'exception-name': name = 'undefined', 'exception-message': message = '' } = fields;
  span.recordException({ name, message, stack: fields['exception-stacktrace'] });
  span.setAttribute('error.type', name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
