import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';

/** What is known of a request once Express has found its route. */
type RoutedRequest = IncomingMessage & { readonly route?: { readonly path?: unknown } };

/** Requests that come every few seconds from machines, about nothing in particular. */
const UNTRACED = /^\/(health|metrics)(\/|\?|$)/;

/**
 * Puts each request in a span, as a child of the caller's `traceparent`. It does nothing where no OpenTelemetry SDK is
 * registered, and where a span is active already: then an instrumentation of HTTP has made one.
 */
export function traceRequests(request: RoutedRequest, response: ServerResponse, next: () => void): void {
  const { method = 'GET', url = '/', headers } = request;
  if (trace.getActiveSpan() !== undefined || UNTRACED.test(url)) {
    next();
    return;
  }
  const parent = propagation.extract(context.active(), headers);
  const [path = '/'] = url.split('?');
  const attributes = { 'http.request.method': method, 'url.path': path, 'url.scheme': 'http' };
  const span = trace
    .getTracer('order-streams-service')
    .startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
  if (!trace.isSpanContextValid(span.spanContext())) {
    next();
    return;
  }
  response.once('close', () => endSpan(span, method, request, response));
  context.with(trace.setSpan(parent, span), next);
}

function endSpan(span: Span, method: string, { route }: RoutedRequest, { statusCode }: ServerResponse): void {
  if (typeof route?.path === 'string') {
    span.updateName(`${method} ${route.path}`);
    span.setAttribute('http.route', route.path);
  }
  span.setAttribute('http.response.status_code', statusCode);
  if (statusCode >= 500) {
    span.setAttribute('error.type', String(statusCode));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
