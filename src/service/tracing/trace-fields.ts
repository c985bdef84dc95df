import { trace } from '@opentelemetry/api';

/** Names the active span in a record of the log, as OpenTelemetry has it for logs that are not its own. */
export function traceFields(): Record<string, string> | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !trace.isSpanContextValid(span)) return undefined;
  return { trace_id: span.traceId, span_id: span.spanId, trace_flags: `0${span.traceFlags.toString(16)}` };
}
