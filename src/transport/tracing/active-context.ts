import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Headers } from '../protocol/entry.js';
import { registeredTracer } from './tracer.js';

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
